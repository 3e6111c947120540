//! The real git-lfs over HTTPS: objects go up and down over HTTP/2, and over HTTP/1.1 where it is told to.

use super::super::support::{Git, LfsServer, SiteBuilder, oid};
use super::authority::Authority;
use super::start;
use std::fs;

#[test]
fn push_and_clone_over_tls() {
    let server = LfsServer::new();
    let authority = Authority::new();
    let builder = SiteBuilder::repositories().upstream(&format!("lfs_url = '{}'", server.url()));
    let site = start(builder, &authority.certify());
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let url = format!("https://x-token-auth:{token}@{}/team/app.git", site.address());
    let git = Git::new();
    fs::write(git.at("ca.pem"), &authority.pem).unwrap();
    git.done(&["lfs", "install", "--skip-repo"]);
    git.done(&["config", "--global", "http.sslCAInfo", git.at("ca.pem").to_str().unwrap()]);
    for (version, spoken) in [("HTTP/2", "HTTP/2.0 200"), ("HTTP/1.1", "HTTP/1.1 200")] {
        git.done(&["config", "--global", "http.version", version]);
        let name = version.replace(['/', '.'], "");
        git.done(&["clone", "-q", &url, &name]);
        git.done(&["-C", &name, "lfs", "track", "*.bin"]);
        git.done(&["-C", &name, "add", ".gitattributes"]);
        git.commit(&name, &format!("{name}.bin"), (3 << 20) + name.len());
        let content = fs::read(git.at(&name).join(format!("{name}.bin"))).unwrap();
        let mut push = git.command(&["-C", &name, "push", "origin", "HEAD:main"]);
        let pushed = push.env("GIT_CURL_VERBOSE", "1").output().unwrap();
        let said = String::from_utf8_lossy(&pushed.stderr);
        assert!(pushed.status.success(), "{version}: {said}");
        let answered = said.lines().filter(|line| line.contains(spoken)).count();
        assert!(answered >= 2, "{version}: a batch and an upload in {said}");
        assert!(server.object(&oid(&content)).as_deref() == Some(&content), "{version}");
        let copy = format!("{name}-copy");
        git.done(&["clone", "-q", &url, &copy]);
        let cloned = fs::read(git.at(&copy).join(format!("{name}.bin"))).unwrap();
        assert!(cloned == content, "{version}: another content");
    }
}
