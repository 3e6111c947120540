//! The guide: its examples, as they stand there, in one shell.

use super::api::site;
use super::support::Git;

#[test]
fn the_examples_of_the_guide_work() {
    let site = site(&["alice PROJECT_ADMIN *", "root!"]);
    site.repository("team/app");
    let guide = include_str!("../../docs/guide/api.md");
    let blocks = guide.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let script: String = blocks.collect();
    let script = script.replace("https://git.example.com", &site.url(""));
    let git = Git::new();
    // The shell is git's, with its home and without anybody's configuration.
    let script = format!("set -e\n{script}");
    let mut shell = git.command(&["-c", "alias.guide=!sh -c \"$GUIDE\"", "guide"]);
    shell.env("GUIDE", script);
    let ran = shell.output().unwrap();
    let (said, wrong) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{wrong}");
    for piece in [
        r#""name":"nightly build""#,
        r#""key":"group/sub""#,
        "refs/heads/main",
        r#""name":"weekly build","permissions":["REPO_WRITE"]"#,
        r#""maxExpiryDays":90"#,
        r#"{"repositoryTokens":false}"#,
        r#""slug":"app""#,
    ] {
        assert!(said.contains(piece), "{piece} in {said}");
    }
}
