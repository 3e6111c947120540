//! Paths with something in each of their places, for tests that go by the data about Bitbucket's operations.

/// A path that a pattern of the reference (`/rest/api/latest/projects/{projectKey}`) means.
pub(crate) fn path(pattern: &str) -> String {
    let value = |name: &str| match name {
        "projectKey" => "KEY",
        "repositorySlug" => "my.repo-1",
        "path" => "src/main.rs",
        "commitId" => "f00dfeed4a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "hookKey" => "com.example.hooks:reject-force",
        "name" => "v1.0",
        "scmId" => "git",
        "userSlug" => "alice.b",
        "permission" => "PROJECT_WRITE",
        "labelName" => "a%20label",
        "issueKey" => "ABC-12",
        "key" | "externalId" => "com.example.report",
        "emoticon" => "thumbsup",
        "levelName" => "debug",
        _ => "17",
    };
    let mut text = String::new();
    for part in pattern.split('{') {
        match part.split_once('}') {
            Some((name, rest)) => text.extend([value(name), rest]),
            None => text.push_str(part),
        }
    }
    text
}
