//! The same token gives the same verdict by every carrier, on every route.

use super::support::{Git, SiteBuilder, basic, bearer, request};

const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";

#[test]
fn every_form_of_presenting_a_token() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_READ", "--project", "team"], "");
    let (user, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (project, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let (repository, _) =
        site.token(&["--project", "team", "--repo", "app", "--permission", "REPO_READ"]);
    let mistyped = format!("{}{}", &user[..40], if user.ends_with('0') { '1' } else { '0' });
    let lower = bearer(&user).replace("Bearer", "bEARER");
    let twice = bearer(&user).repeat(2);
    let cases: &[(&str, String, u16)] = &[
        ("nothing", String::new(), 401),
        ("empty Basic", basic("", ""), 401),
        ("Bearer, user", bearer(&user), 200),
        ("Bearer, other case", lower, 200),
        ("Bearer, project", bearer(&project), 200),
        ("Bearer, repository", bearer(&repository), 200),
        ("Basic, user", basic("alice", &user), 200),
        ("Basic, user in other case", basic("ALICE", &user), 200),
        ("Basic, token as name", basic(&user, ""), 200),
        ("Basic, token as name, oauth", basic(&user, "x-oauth-basic"), 200),
        ("Basic, project", basic("x-token-auth", &project), 200),
        ("Basic, repository", basic("x-token-auth", &repository), 200),
        ("Basic, wrong name", basic("bob", &user), 401),
        ("Basic, no name", basic("", &user), 401),
        ("Basic, user as x-token-auth", basic("x-token-auth", &user), 401),
        ("Basic, project under a name", basic("alice", &project), 401),
        ("a password", basic("alice", "correct horse"), 401),
        ("mistyped", bearer(&mistyped), 401),
        ("unknown", bearer("latu_0000000000000000000000000000001vo4SB"), 401),
        ("another scheme", format!("Authorization: token {user}\r\n"), 401),
        ("PRIVATE-TOKEN", format!("PRIVATE-TOKEN: {user}\r\n"), 401),
        ("two lines", twice, 400),
        ("two kinds", bearer(&user) + &format!("PRIVATE-TOKEN: {user}\r\n"), 400),
        ("in another header", bearer(&user) + &format!("X-Note: {user}\r\n"), 400),
        ("a cookie beside it", bearer(&user) + "Cookie: a=b\r\n", 200),
    ];
    for (what, headers, expected) in cases {
        let reply = request(site.address(), REFS, headers, b"");
        assert_eq!(reply.status, *expected, "{what}: {}", reply.text());
        if *expected == 401 {
            let challenge = reply.header("WWW-Authenticate").unwrap();
            assert_eq!(challenge, "Basic realm=\"gitlatch\"\nBearer realm=\"gitlatch\"", "{what}");
        }
        assert!(reply.header("X-Request-Id").is_some_and(|id| id.len() == 16), "{what}");
        assert!(!["latu_", "latp_", "latr_"].iter().any(|t| reply.text().contains(t)), "{what}");
    }
}

#[test]
fn real_git_clones_by_each_carrier() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_READ", "--project", "team"], "");
    let (user, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    let (project, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let git = Git::new();
    let with =
        |credential: &str| site.url("/team/app.git").replace("://", &format!("://{credential}@"));
    let header = |token: &str| format!("http.extraHeader=Authorization: Bearer {token}");
    let plain = site.url("/scm/team/app.git");
    let (by_user, by_project) = (header(&user), header(&project));
    let cases: &[&[&str]] = &[
        &[&with(&format!("alice:{user}"))],
        &[&with(&user)],
        &[&with(&format!("x-token-auth:{project}"))],
        &["-c", &by_user, &plain],
        &["-c", &by_project, &plain],
        &["-c", &by_user, "-c", "protocol.version=0", &plain],
        &["-c", &by_user, "-c", "protocol.version=1", &plain],
    ];
    for (nth, arguments) in cases.iter().enumerate() {
        let target = format!("clone-{nth}");
        let mut all = vec!["clone", "-q"];
        all.extend(*arguments);
        all.push(&target);
        git.done(&all);
        assert!(git.at(&target).join("README").exists());
    }
}
