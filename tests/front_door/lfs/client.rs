//! The real git-lfs, against a folder of repositories with a server of LFS beside it.

use crate::support::{Git, LfsServer, Ran, Site, SiteBuilder, basic, bearer, oid, request};
use std::fs;

struct Folder {
    site: Site,
    server: LfsServer,
    git: Git,
}

impl Folder {
    fn new() -> Self {
        let server = LfsServer::new();
        let mut builder = SiteBuilder::repositories();
        builder = builder.upstream(&format!("lfs_url = '{}'", server.url()));
        let site = builder.start();
        site.user("alice");
        site.done(&["grant", "add", "alice", "REPO_WRITE"], "");
        site.repository("team/app");
        let git = Git::new();
        git.done(&["lfs", "install", "--skip-repo"]);
        Self { site, server, git }
    }

    fn token(&self, permission: &str) -> (String, String) {
        self.site.token(&["--user", "alice", "--permission", permission])
    }

    /// The URL of the repository, with a credential in it.
    fn url(&self, credential: &str) -> String {
        let url = self.site.url("/team/app.git");
        if credential.is_empty() { url } else { url.replace("://", &format!("://{credential}@")) }
    }

    /// Commits a file of LFS in the clone `name`; its content.
    fn commit(&self, name: &str, file: &str, size: usize) -> Vec<u8> {
        self.git.done(&["-C", name, "lfs", "track", "*.bin"]);
        self.git.done(&["-C", name, "add", ".gitattributes"]);
        self.git.commit(name, file, size);
        fs::read(self.git.at(name).join(file)).unwrap()
    }
}

/// How a client knows its token: what stands in the URL, and how git is called besides. `TOKEN` stands for it.
const WAYS: &[(&str, &str, &[&str])] = &[
    ("url", "alice:TOKEN", &[]),
    ("bare", "TOKEN:x-oauth-basic", &[]),
    (
        "helper",
        "",
        &["-c", "credential.helper=!f() { echo username=alice; echo password=TOKEN; }; f"],
    ),
    ("header", "", &["-c", "http.extraHeader=Authorization: Bearer TOKEN"]),
];

#[test]
fn push_and_clone_by_every_carrier() {
    let folder = Folder::new();
    for (name, credential, options) in WAYS {
        let (token, _) = folder.token("REPO_WRITE");
        let options: Vec<String> = options.iter().map(|o| o.replace("TOKEN", &token)).collect();
        let run = |arguments: &[&str]| -> Ran {
            let options = options.iter().map(String::as_str);
            folder.git.run(&options.chain(arguments.iter().copied()).collect::<Vec<_>>())
        };
        let done = |arguments: &[&str]| {
            let ran = run(arguments);
            assert_eq!(ran.code, Some(0), "{name} {arguments:?}: {}", ran.said());
            ran.said()
        };
        let url = folder.url(&credential.replace("TOKEN", &token));
        done(&["clone", "-q", &url, name]);
        let content =
            folder.commit(name, &format!("{name}.bin"), 100_000 + name.len() + options.len() * 10);
        done(&["-C", name, "push", "-q", "origin", "HEAD:main"]);
        let object = folder.server.object(&oid(&content));
        assert_eq!(object.as_deref(), Some(&content), "{name}");
        let copy = format!("{name}-copy");
        done(&["clone", "-q", &url, &copy]);
        let cloned = fs::read(folder.git.at(&copy).join(format!("{name}.bin"))).unwrap();
        assert!(cloned == content, "{name}: another content");

        done(&["-C", name, "lfs", "lock", &format!("{name}.bin")]);
        assert_eq!(folder.server.locks(), 1, "{name}");
        assert!(done(&["-C", name, "lfs", "locks"]).contains(&format!("{name}.bin")));
        done(&["-C", name, "lfs", "unlock", &format!("{name}.bin")]);
        assert_eq!(folder.server.locks(), 0, "{name}");
    }
    for seen in folder.server.seen() {
        assert!(seen.header("authorization").is_empty(), "{}", seen.head);
        assert!(!seen.head.to_ascii_lowercase().contains("ticket"), "{}", seen.head);
    }
}

/// A token that may read downloads; it uploads and locks nothing, and git-lfs says why.
#[test]
fn a_token_that_may_only_read() {
    let folder = Folder::new();
    let (writer, _) = folder.token("REPO_WRITE");
    folder.git.done(&["clone", "-q", &folder.url(&format!("alice:{writer}")), "w"]);
    let content = folder.commit("w", "a.bin", 1000);
    folder.git.done(&["-C", "w", "push", "-q", "origin", "HEAD:main"]);
    let (reader, id) = folder.token("REPO_READ");
    let url = folder.url(&format!("alice:{reader}"));
    folder.git.done(&["clone", "-q", &url, "r"]);
    assert!(fs::read(folder.git.at("r/a.bin")).unwrap() == content);
    folder.commit("r", "b.bin", 2000);
    for arguments in [&["lfs", "push", "origin", "main"][..], &["lfs", "lock", "a.bin"]] {
        let ran = folder.git.run(&[&["-C", "r"], arguments].concat());
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        assert!(ran.said().contains("REPO_WRITE"), "{arguments:?}: {}", ran.said());
    }
    assert_eq!(folder.server.locks(), 0);
    // The credential was good, and is kept: only what is revoked is asked for anew.
    folder.git.done(&["-C", "r", "lfs", "fetch", "--all"]);
    folder.site.done(&["token", "revoke", &id], "");
    fs::remove_dir_all(folder.git.at("r/.git/lfs/objects")).unwrap();
    let ran = folder.git.run(&["-C", "r", "lfs", "fetch"]);
    assert_ne!(ran.code, Some(0), "{}", ran.said());
}

/// A large object streams both ways, and a part of it can be had.
#[test]
fn a_large_object() {
    const SIZE: usize = 200 * 1024 * 1024;
    let folder = Folder::new();
    let (token, _) = folder.token("REPO_WRITE");
    let content: Vec<u8> = (0..SIZE).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let object = oid(&content);
    let line = format!("PUT /team/app.git/info/lfs/objects/{object}/{SIZE}");
    let headers = format!("{}Content-Length: {SIZE}\r\n", bearer(&token));
    let before = folder.site.peak_memory();
    let reply = request(folder.site.address(), &line, &headers, &content);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let line = format!("GET /team/app.git/info/lfs/objects/{object}");
    let reply = request(folder.site.address(), &line, &basic("alice", &token), b"");
    assert!(reply.status == 200 && reply.body == content);
    let headers = format!("{}Range: bytes={}-\r\n", bearer(&token), SIZE - 10);
    let reply = request(folder.site.address(), &line, &headers, b"");
    assert!(reply.status == 206 && reply.body == content[SIZE - 10..], "{}", reply.head);
    let grown = folder.site.peak_memory() - before;
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more for an object of {SIZE}");
}
