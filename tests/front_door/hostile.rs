//! What no client of good will sends: for every line, the answer, and what the upstream may have seen.
//!
//! Each request goes out with an innocent one right behind it on the same connection. A request that is
//! understood, allowed or not, leaves the innocent one its own answer; after an error of framing the
//! connection ends and the innocent one was never read.

use super::hostile_cases::filled;
use super::support::{
    PATIENCE, Reply, Seen, Site, SiteBuilder, Upstream, basic, bearer, raw, replies,
};
use super::tls::Authority;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub const INNOCENT: &str = "GET /team/innocent.git/HEAD HTTP/1.1";
const GET: &str = "GET /team/app.git/HEAD";
const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";
const PUSH: &str = "POST /team/app.git/git-receive-pack";

/// Everything that the upstream may find in a request, whatever the client sent.
const KNOWN: &[&str] = &[
    "host",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-webauth-user",
    "authorization",
    "content-type",
    "content-length",
    "transfer-encoding",
    "git-protocol",
    "content-encoding",
    "accept",
    "range",
    "user-agent",
    "x-note",
];

/// Targets of a GET with a good token, and the status. What passes arrives as it stands here.
const TARGETS: &[(&str, u16)] = &[
    ("/team/app.git/HEAD", 200),
    ("/scm/team/app.git/HEAD", 200),
    ("/scm/app.git/HEAD", 200),
    ("/app.git/HEAD", 200),
    ("/a/b/c/app.git/HEAD", 200),
    ("/%7Ealice/app.git/HEAD", 200),
    ("/te%20am/app.git/HEAD", 200),
    ("/%74eam/%61pp.git/HEAD", 200),
    ("/team/app.git/info/refs", 200),
    ("/team/app.git/info/refs?", 200),
    ("/team/app.git/info/refs?service=git-upload-pack", 200),
    ("/team/app.git/info/refs?service=git-receive-pack", 200),
    ("//team/app.git/HEAD", 400),
    ("/team//app.git/HEAD", 400),
    ("/team/app.git//HEAD", 400),
    ("/team/app.git/HEAD/", 403),
    ("/team%2F/app.git/HEAD", 400),
    ("/%2Fteam/app.git/HEAD", 400),
    ("/./team/app.git/HEAD", 400),
    ("/team/./app.git/HEAD", 400),
    ("/team/../app.git/HEAD", 400),
    ("/team/app.git/../other.git/HEAD", 400),
    ("/team/app.git/HEAD/..", 400),
    ("/team/%2E/app.git/HEAD", 400),
    ("/team/%2e%2e/app.git/HEAD", 400),
    ("/team/.%2e/app.git/HEAD", 400),
    ("/team%2F..%2Fapp.git/HEAD", 400),
    ("/team%2fapp.git/HEAD", 400),
    ("/team/app.git%2FHEAD", 403),
    ("/team/app%2Egit/HEAD", 400),
    ("/team/app.%67it/HEAD", 400),
    ("/team/app.GIT/HEAD", 400),
    ("/team/app.Git/HEAD", 400),
    ("/team/app.git/x.git/HEAD", 400),
    ("/team/x%2Egit/app.git/HEAD", 400),
    ("/team/app.git/info/x.git/git-receive-pack", 400),
    ("/team/%00/app.git/HEAD", 400),
    ("/team/app.git%00/HEAD", 400),
    ("/team/app%0A.git/HEAD", 400),
    ("/team/app%0d%0aX-A:b.git/HEAD", 400),
    ("/team/app%7F.git/HEAD", 400),
    ("/team\\app.git/HEAD", 400),
    ("/team%5Capp.git/HEAD", 400),
    ("/team%5capp.git/HEAD", 400),
    ("/team/app.git\\..\\x/HEAD", 400),
    ("/team%252Fapp.git/HEAD", 400),
    ("/team/%252E%252E/app.git/HEAD", 400),
    ("/team/app%252egit/HEAD", 400),
    ("/team/app%25252F.git/HEAD", 400),
    ("/team/app%255C.git/HEAD", 400),
    ("/team/app%2500.git/HEAD", 400),
    ("/team/app%253B.git/HEAD", 400),
    ("/team/app%.git/HEAD", 400),
    ("/team/app%2.git/HEAD", 400),
    ("/team/app%zz.git/HEAD", 400),
    ("/team/app.git/HEAD%", 400),
    ("/team/app%u002Fx.git/HEAD", 400),
    ("/team;a=b/app.git/HEAD", 400),
    ("/team/app.git;x/HEAD", 400),
    ("/team/app.git/HEAD;jsessionid=1", 400),
    ("/team%3Ba/app.git/HEAD", 400),
    ("/team./app.git/HEAD", 400),
    ("/team%2E/app.git/HEAD", 400),
    ("/team%20/app.git/HEAD", 400),
    ("/team.../app.git/HEAD", 400),
    ("/team/app.git./HEAD", 403),
    ("/team/app.git%20/HEAD", 403),
    ("/t%C3%A4am/app.git/HEAD", 400),
    ("/team%C0%AF/app.git/HEAD", 400),
    ("/team%FF/app.git/HEAD", 400),
    ("/SCM/team/app.git/HEAD", 400),
    ("/Scm/team/app.git/HEAD", 400),
    ("/s%63m/team/app.git/HEAD", 400),
    ("/scm/scm/app.git/HEAD", 400),
    ("/scm/SCM/team/app.git/HEAD", 400),
    ("/-/app.git/HEAD", 400),
    ("/team/app.git/HEA%44", 403),
    ("/team/app.git/head", 403),
    ("/team/app.git/INFO/refs?service=git-upload-pack", 403),
    ("/team/app.git/config", 403),
    ("/team/app.git", 403),
    ("/team/app/info/refs?service=git-upload-pack", 403),
    ("/", 403),
    ("/?x", 403),
    ("/-/gitlatch/", 403),
    ("/-/GITLATCH/tokens", 403),
    ("/-%2Fgitlatch/", 403),
    ("/rest/access-tokens/1.0/users/alice", 403),
    ("/REST/access%2Dtokens", 403),
    ("/team/app.git/info/lfs/objects/x", 403),
    ("/team/app.git/info/refs?service=git-upload-pack&service=git-receive-pack", 400),
    ("/team/app.git/info/refs?service=git-receive-pack&service=git-upload-pack", 400),
    ("/team/app.git/info/refs?service=git-upload-pack&x=1", 400),
    ("/team/app.git/info/refs?x=1&service=git-upload-pack", 400),
    ("/team/app.git/info/refs?service=git-upload-pack;service=git-receive-pack", 400),
    ("/team/app.git/info/refs?Service=git-upload-pack", 400),
    ("/team/app.git/info/refs?service=GIT-UPLOAD-PACK", 400),
    ("/team/app.git/info/refs?service=git-upload-pac%6b", 400),
    ("/team/app.git/info/refs?service=git-upload-pack%00", 400),
    ("/team/app.git/info/refs?service=git-upload-pack&", 400),
    ("/team/app.git/info/refs?&service=git-upload-pack", 400),
    ("/team/app.git/info/refs?service=git-upload-pack?", 400),
    ("/team/app.git/info/refs?service", 400),
    ("/team/app.git/info/refs?service=", 400),
    ("/team/app.git/info/refs?service=git-shell", 403),
    ("/team/app.git/info/refs?_method=DELETE", 400),
    ("/team/app.git/HEAD?_method=POST", 400),
    ("/team/app.git/HEAD?access_token=x", 400),
    ("/team/app.git/HEAD?private_token=x", 400),
    ("/team/app.git/HEAD?token=x", 400),
    ("/team/app.git/HEAD?job_token=x", 400),
    ("/team/app.git/HEAD?sudo=root", 400),
    ("/team/app.git/HEAD?os_username=a&os_password=b", 400),
    ("/team/app.git/HEAD?oauth_token=x", 400),
    ("/team/app.git/HEAD?x={token}", 400),
    ("/team/app.git/info/refs?service=git-upload-pack&t={token}", 400),
    ("/?{token}", 400),
    ("/{token}/app.git/HEAD", 400),
    ("/team/{token}.git/HEAD", 400),
    ("/team/app.git/{token}", 400),
    ("/l%61tu_{rest}/app.git/HEAD", 400),
];

/// First lines with a good token, and the answer.
const LINES: &[(&str, &str)] = &[
    ("HEAD /team/app.git/HEAD HTTP/1.1", "200"),
    ("get /team/app.git/HEAD HTTP/1.1", "405"),
    ("Get /team/app.git/HEAD HTTP/1.1", "405"),
    ("GETS /team/app.git/HEAD HTTP/1.1", "405"),
    ("POST /team/app.git/HEAD HTTP/1.1", "405"),
    ("PUT /team/app.git/HEAD HTTP/1.1", "405"),
    ("DELETE /team/app.git/HEAD HTTP/1.1", "405"),
    ("PATCH /team/app.git/info/refs HTTP/1.1", "405"),
    ("PROPFIND /team/app.git/info/refs HTTP/1.1", "405"),
    ("MKCOL /team/app.git/objects/info/packs HTTP/1.1", "405"),
    ("LOCK /team/app.git/HEAD HTTP/1.1", "405"),
    ("GET /team/app.git/git-receive-pack HTTP/1.1", "405"),
    ("PUT /team/app.git/git-receive-pack HTTP/1.1", "405"),
    ("post /team/app.git/git-receive-pack HTTP/1.1", "405"),
    ("{token} /team/app.git/HEAD HTTP/1.1", "405"),
    ("{token} /nowhere HTTP/1.1", "403"),
    ("TRACE /team/app.git/HEAD HTTP/1.1", "405"),
    ("OPTIONS /team/app.git/HEAD HTTP/1.1", "405"),
    ("OPTIONS * HTTP/1.1", "405"),
    ("CONNECT gitlatch.test:443 HTTP/1.1", "405 close"),
    ("GET * HTTP/1.1", "400"),
    ("GET http://gitlatch.test/team/app.git/HEAD HTTP/1.1", "400 close"),
    ("GET http://gitlatch.test HTTP/1.1", "400 close"),
    ("GET http://evil.test/team/app.git/HEAD HTTP/1.1", "400 close"),
    ("GET file:///etc/passwd HTTP/1.1", "400 close"),
    ("GET gitlatch.test:80 HTTP/1.1", "400 close"),
    ("GET team HTTP/1.1", "400 close"),
    ("GET team/app.git/HEAD HTTP/1.1", "400 close"),
    ("GET ?service=git-upload-pack HTTP/1.1", "400 close"),
    ("GET /team/app.git/HEAD HTTP/1.1 x", "400 close"),
    ("GET /team/a pp.git/HEAD HTTP/1.1", "400 close"),
    ("GET /team/app.git/HEAD HTTP/1.2", "400 close"),
    ("GET /team/app.git/HEAD HTTP/3.0", "400 close"),
    ("GET /team/app.git/HEAD http/1.1", "400 close"),
    ("GET /team/app.git/HEAD", "400 close"),
    ("G(T /team/app.git/HEAD HTTP/1.1", "400 close"),
    (" GET /team/app.git/HEAD HTTP/1.1", "400 close"),
    ("GET\t/team/app.git/HEAD\tHTTP/1.1", "400 close"),
];

/// `Host` and other lines in place of the usual ones, on a GET with a good token.
const HOSTS: &[(&str, u16)] = &[
    ("Host: gitlatch.test:8080\r\n", 200),
    ("host: [::1]:8080\r\n", 200),
    ("Host: 127.0.0.1\r\n", 200),
    ("", 400),
    ("Host:\r\n", 400),
    ("Host: a\r\nHost: a\r\n", 400),
    ("Host: a\r\nHost: b\r\n", 400),
    ("Host: a, b\r\n", 400),
    ("Host: user@a\r\n", 400),
    ("Host: user:pass@a\r\n", 400),
    ("Host: a:x\r\n", 400),
    ("Host: a:\r\n", 400),
    ("Host: a:99999\r\n", 400),
    ("Host: a:-1\r\n", 400),
    ("Host: a:80:80\r\n", 400),
    ("Host: a/b\r\n", 400),
    ("Host: a?b\r\n", 400),
    ("Host: a#b\r\n", 400),
    ("Host: a b\r\n", 400),
    ("Host: http://a\r\n", 400),
    ("Host: [::1\r\n", 400),
    ("Host: [x]\r\n", 400),
    ("Host: a%00b\r\n", 400),
    ("Host: {token}\r\n", 400),
    ("H_ost: a\r\n", 400),
];

/// Header lines besides the usual ones on a GET with a good token. What passes shows nothing of them
/// upstream but what [`KNOWN`] has.
const HEADERS: &[(&[u8], &str)] = &[
    (b"X_Webauth_User: root\r\n", "200"),
    (b"X.Webauth.User: root\r\n", "200"),
    (b"X-Webauth_User: root\r\n", "200"),
    (b"x-webauth-user: root\r\n", "200"),
    (b"X-WEBAUTH-USER: root\r\nX-Webauth-User: admin\r\n", "200"),
    (b"X-Webauth-User: root\r\nX_WEBAUTH_USER: root\r\nX~Webauth~User: root\r\n", "200"),
    (b"X-Webauth-Email: a@b\r\nX-Webauth-Fullname: root\r\nX-Webauth-Groups: admin\r\n", "200"),
    (b"X-Webauth-User: \r\n", "200"),
    (b"Remote-User: root\r\nREMOTE_USER: root\r\nX-Remote-User: root\r\nX-User: root\r\n", "200"),
    (b"X-Forwarded-User: root\r\nX-Forwarded-Email: a\r\nX-Auth-Request-User: root\r\n", "200"),
    (b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n", "200"),
    (b"X-Forwarded-For: nonsense\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n", "200"),
    (b"X_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n", "200"),
    (b"X-Forwarded-Port: 1\r\nX-Forwarded-Server: x\r\nX-Forwarded-Scheme: x\r\n", "200"),
    (b"X-Forwarded-Prefix: /x\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Method: PUT\r\n", "200"),
    (b"X-Original-URL: /x\r\nX-Rewrite-URL: /x\r\nX-Original-Method: PUT\r\n", "200"),
    (b"X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: PUT\r\nX-Method-Override: PUT\r\n", "200"),
    (b"X_HTTP_Method_Override: DELETE\r\nx-http-method-override: PUT\r\n", "200"),
    (b"Cookie: session=1\r\nCookie: gitlatch_session=2\r\nCookie2: x\r\n", "200"),
    (b"Cookie: t={token}\r\n", "200"),
    (b"PRIVATE-TOKEN: glpat-x\r\n", "400"),
    (b"Private_Token: glpat-x\r\n", "200"),
    (b"JOB-TOKEN: x\r\nDeploy-Token: x\r\nSudo: root\r\nSudo: admin\r\n", "200"),
    (b"X-Gitea-OTP: 1\r\nX-GitLab-OTP: 1\r\nX-GitHub-OTP: 1\r\n", "200"),
    (b"Proxy-Authorization: Basic eA==\r\nProxy: http://evil\r\nProxy-Connection: x\r\n", "200"),
    (b"Proxy-Authorization: Bearer {token}\r\n", "400"),
    (b"X-Note: {token}\r\n", "400"),
    (b"User-Agent: git/{token}\r\n", "400"),
    (b"X-Request-Id: mine\r\n", "200"),
    (b"X-Note: one\r\nX-Note: two\r\nGit-Protocol: version=2\r\nRange: bytes=0-1\r\n", "200"),
    (b"{auth}", "400"),
    (b"Authorization: Basic eDp5\r\n", "400"),
    (b"authorization: \r\n", "400"),
    (b"Authori_zation: Basic eDp5\r\n", "200"),
    (b"Connection: Authorization\r\n", "400"),
    (b"Connection: keep-alive, authorization\r\n", "400"),
    (b"Connection: keep-alive\r\nConnection: X-A , HOST\r\n", "400"),
    (b"Connection: content-length\r\n", "400"),
    (b"Connection: Git-Protocol\r\nGit-Protocol: version=2\r\n", "400"),
    (b"Connection: x-webauth-user\r\n", "400"),
    (b"Connection: x-a\r\nConnection: X_Webauth_User\r\n", "400"),
    (b"Connection: X-Note, x-b\r\nConnection: X-C\r\nX-Note: 1\r\nX-Note: 2\r\nX-B: 1\r\nX-C: 1\r\n", "200"),
    (b"Connection: x-forwarded-for, x-request-id, x-forwarded-host\r\n", "200"),
    (b"Keep-Alive: 5\r\nTE: trailers\r\nTE: gzip\r\nTrailer: X-A\r\n", "200"),
    (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", "200"),
    (b"Connection: Upgrade\r\nUpgrade: websocket\r\n", "200"),
    (b"X-Note: caf\xc3\xa9\r\n", "200"),
    (b"X-Note: \xff\xfe\r\n", "400"),
    (b"X-Note: a\xc3\r\n", "400"),
    (b"X-Note: a\x00b\r\n", "400 close"),
    (b"X-Note: a\x01b\r\n", "400 close"),
    (b"X-Note: a\x7fb\r\n", "400 close"),
    (b"X-Note: a\rb\r\n", "400 close"),
    (b"X-Note: a\r\n b\r\n", "400 close"),
    (b"X-Note: a\r\n\tX-Webauth-User: root\r\n", "400 close"),
    (b" X-Note: a\r\n", "400 close"),
    (b"X-Note : a\r\n", "400 close"),
    (b"X Note: a\r\n", "400 close"),
    (b"X-N\xc3\xb6te: a\r\n", "400 close"),
    (b"X-Note\r\n", "400 close"),
    (b": a\r\n", "400 close"),
    (b"Content-Length: 0\r\n", "200"),
    (b"Content-Length: x\r\n", "400 close"),
    (b"Content-Length: -1\r\n", "400 close"),
    (b"Content-Length: +0\r\n", "400 close"),
    (b"Content-Length: 0x0\r\n", "400 close"),
    (b"Content-Length: 0, 0\r\n", "400 close"),
    (b"Content-Length: \r\n", "400 close"),
    (b"Content-Length: 99999999999999999999\r\n", "400 close"),
    (b"Content_Length: 40\r\n", "200"),
    (b"Expect: 100-continue\r\n", "200"),
    (b"Expect: nonsense\r\n", "417"),
];

/// First line, headers besides `Host` and a good token, what follows the head, and the answer. Where
/// it passes, the upstream's body is `0000`, or empty after a GET.
///
/// `Content-Length` beside `Transfer-Encoding` is read by the latter alone, and the connection ends
/// (RFC 9112 §6.1). Lengths that are told twice and agree become one (RFC 9110 §8.6).
const BODIES: &[(&str, &str, &str, &str)] = &[
    (PUSH, "{type}Content-Length: 4\r\n", "0000", "200"),
    (PUSH, "{type}Content-Length: 004\r\n", "0000", "200"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "200"),
    (PUSH, "{type}transfer-encoding:   CHUNKED\r\n", "2\r\n00\r\n2\r\n00\r\n0\r\n\r\n", "200"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4;a=b;c=\"d\"\r\n0000\r\n0;x\r\n\r\n", "200"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "0004\r\n0000\r\n000\r\n\r\n", "200"),
    (
        PUSH,
        "{type}Trailer: X-Webauth-User\r\nTransfer-Encoding: chunked\r\n",
        "4\r\n0000\r\n0\r\nX-Webauth-User: root\r\nAuthorization: Basic eDp5\r\n\r\n",
        "200",
    ),
    (PUSH, "{type}Content-Length: 4\r\nTransfer_Encoding: chunked\r\n", "0000", "200"),
    (PUSH, "{type}Content-Length: 4\r\nContent_Length: 40\r\n", "0000", "200"),
    (PUSH, "{type}Content-Length: 4\r\nContent-Encoding: gzip\r\n", "0000", "400"),
    (PUSH, "{type}Content-Length: 4\r\nContent-Encoding: deflate\r\n", "0000", "415"),
    (PUSH, "{type}Content-Length: 4\r\nContent-Encoding: gzip, gzip\r\n", "0000", "415"),
    (
        PUSH,
        "{type}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "4\r\n0000\r\n0\r\n\r\n",
        "200 close",
    ),
    (
        PUSH,
        "{type}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "4\r\n0000\r\n0\r\n\r\n",
        "200 close",
    ),
    (PUSH, "{type}Content-Length: 4\r\nContent-Length: 4\r\n", "0000", "200"),
    (PUSH, "{type}Content-Length: 4\r\nContent-Length: 5\r\n", "0000", "400 close"),
    (PUSH, "{type}Content-Length: 5\r\nContent-Length: 4\r\n", "0000", "400 close"),
    (PUSH, "{type}Content-Length: 4, 4\r\n", "0000", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked, chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: gzip, chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked, gzip\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: xchunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: identity\r\n", "0000", "400 close"),
    (PUSH, "{type}Transfer-Encoding:\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: \"chunked\"\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked;a\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding : chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type} Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding:\x0bchunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding:\r\n chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (
        PUSH,
        "{type}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "4\r\n0000\r\n0\r\n\r\n",
        "400 close",
    ),
    (
        PUSH,
        "{type}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "4\r\n0000\r\n0\r\n\r\n",
        "400 close",
    ),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "g\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "-4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "+4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "0x4\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4_\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4\n0000\n0\n\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4\r0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4;a\nb\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "3\r\n0000\r\n0\r\n\r\n", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "10000000000000000\r\n0000", "400 close"),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n0000", "400 close"),
    (PUSH, "Content-Length: 4\r\n", "0000", "415"),
    (PUSH, "{type}{type}Content-Length: 4\r\n", "0000", "415"),
    (PUSH, "Content-Type: text/plain\r\nContent-Length: 4\r\n", "0000", "415"),
    (PUSH, "Content-Type: text/plain\r\n{type}Content-Length: 4\r\n", "0000", "415"),
    (PUSH, "{type}Content-Type: text/plain\r\nContent-Length: 4\r\n", "0000", "415"),
    (
        PUSH,
        "Content-Type: application/x-git-receive-pack-request; a=b\r\nContent-Length: 4\r\n",
        "0000",
        "415",
    ),
    (
        PUSH,
        "Content-Type: application/X-Git-Receive-Pack-Request\r\nContent-Length: 4\r\n",
        "0000",
        "415",
    ),
    (
        PUSH,
        "Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\n",
        "0000",
        "415",
    ),
    (
        PUSH,
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n",
        "a=bc",
        "415",
    ),
    (PUSH, "Content_Type: application/x-git-receive-pack-request\r\n", "", "415"),
    ("POST /team/app.git/git-receive-pack?x=1", "{type}Content-Length: 4\r\n", "0000", "400"),
    (
        "POST /team/app.git/git-receive-pack?_method=PUT",
        "{type}Content-Length: 4\r\n",
        "0000",
        "400",
    ),
    (GET, "Content-Length: 0\r\n", "", "200"),
    (GET, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "200"),
    (GET, "Transfer-Encoding: chunked\r\n", "0\r\nX-Webauth-User: root\r\n\r\n", "200"),
    (REFS, "Transfer-Encoding: chunked\r\n", "00;a\r\n\r\n", "200"),
    (GET, "Content-Length: 4\r\n", "0000", "400"),
    (GET, "Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", "400"),
    (REFS, "Content-Length: 1\r\n", "x", "400"),
    (GET, "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n", "200 close"),
    (GET, "Transfer-Encoding: chunked\r\n", "x\r\n\r\n", "400 close"),
    ("GET /nowhere", "Content-Length: 4\r\n", "0000", "403"),
    ("PUT /team/app.git/HEAD", "Content-Length: 4\r\n", "0000", "405"),
    ("DELETE /team/app.git/HEAD", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", "405"),
    ("TRACE /team/app.git/HEAD", "Content-Length: 4\r\n", "0000", "405"),
];

/// Requests without a credential: headers, body and the answer to a POST of a push. Only the exact
/// probe is answered, and nothing of any goes upstream.
const PROBES: &[(&str, &str, &str, u16)] = &[
    (PUSH, "{type}Content-Length: 4\r\n", "0000", 200),
    (PUSH, "{type}Content-Length: 4\r\nExpect: 100-continue\r\n", "0000", 200),
    (PUSH, "{type}Content-Length: 4\r\nAuthorization: Basic Og==\r\n", "0000", 200),
    (PUSH, "{type}Content-Length: 4\r\n", "0001", 401),
    (PUSH, "{type}Content-Length: 4\r\n", "000 ", 401),
    (PUSH, "{type}Content-Length: 5\r\n", "00000", 401),
    (PUSH, "{type}Content-Length: 8\r\n", "00000000", 401),
    (PUSH, "{type}Content-Length: 3\r\n", "000", 401),
    (PUSH, "{type}Content-Length: 0\r\n", "", 401),
    (PUSH, "{type}", "", 401),
    (PUSH, "{type}Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n", 401),
    (PUSH, "{type}Content-Length: 4\r\nContent-Encoding: gzip\r\n", "0000", 200),
    (PUSH, "Content-Length: 4\r\n", "0000", 401),
    (PUSH, "{type}{type}Content-Length: 4\r\n", "0000", 401),
    (
        PUSH,
        "Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\n",
        "0000",
        401,
    ),
    (PUSH, "{type}Content-Length: 4\r\nAuthorization: Basic eDp5\r\n", "0000", 401),
    (PUSH, "{type}Content-Length: 4\r\nAuthorization: Bearer x\r\n", "0000", 401),
    ("PUT /team/app.git/git-receive-pack", "{type}Content-Length: 4\r\n", "0000", 405),
    ("GET /team/app.git/git-receive-pack", "{type}Content-Length: 4\r\n", "0000", 405),
    ("GET /team/app.git/HEAD", "{type}Content-Length: 4\r\n", "0000", 401),
    ("POST /team/app.git/git-receive-pack?x", "{type}Content-Length: 4\r\n", "0000", 400),
    ("POST /nowhere", "{type}Content-Length: 4\r\n", "0000", 401),
];

/// Whole requests with a good token where the usual shape does not fit. A bare LF ends a line
/// (RFC 9112 §2.2); upstream every line ends in CRLF.
const WHOLE: &[(&[u8], &str)] = &[
    (b"GET /team/app.git/HEAD\r\n", "400 close"),
    (b"GET /team/app.git/HEAD\r\n\r\n", "400 close"),
    (b"GET /team/app.git/HEAD HTTP/0.9\r\n{host}{auth}\r\n", "400 close"),
    (b"GET /team/app.git/HEAD HTTP/1.0\r\n{host}{auth}\r\n", "200 close"),
    (b"GET /team/app.git/HEAD HTTP/1.0\r\n{auth}\r\n", "400 close"),
    (b"GET /team/app.git/HEAD HTTP/1.0\r\nConnection: keep-alive\r\n{host}{auth}\r\n", "200"),
    (
        b"POST /team/app.git/git-receive-pack HTTP/1.0\r\n{host}{auth}{type}\
          Transfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n",
        "400 close",
    ),
    (
        b"POST /team/app.git/git-receive-pack HTTP/1.0\r\nConnection: keep-alive\r\n{host}{auth}{type}\
          Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n",
        "400 close",
    ),
    (b"\r\nGET /team/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "200"),
    (b"GET /team/app.git/HEAD HTTP/1.1\n{host}{auth}\n", "200"),
    (b"GET /team/app.git/HEAD HTTP/1.1\nHost: a\n{auth}\r\n", "200"),
    (b"GET /team/app.git/HEAD HTTP/1.1\r\n{host}{auth}X-Note: a\nX-Note: b\r\n\r\n", "200"),
    (b"GET /t\xc3\xa4am/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400"),
    (b"GET /t\xffam/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400 close"),
    (b"GET /team\x00/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400 close"),
    (b"GET /team\x01/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400 close"),
    (b"GET /team\x7f/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400 close"),
    (b"GET /team\"<>/app.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n", "400 close"),
    (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", "400 close"),
    (b"\x00\x00\r\n\r\n", "400 close"),
];

/// A gitlatch that tells names in a header, and an upstream that writes down what it got.
pub struct House {
    pub site: Site,
    pub upstream: Upstream,
    pub token: String,
    /// Over TLS, for whom believes this authority.
    pub authority: Option<Authority>,
    /// What is sent comes byte by byte.
    pub slowly: bool,
}

impl House {
    pub fn new() -> Self {
        Self::build(None)
    }

    /// The same over TLS.
    pub fn secure() -> Self {
        Self::build(Some(Authority::new()))
    }

    fn build(authority: Option<Authority>) -> Self {
        let upstream = Upstream::new(|stream, seen, _| {
            let body = if seen.line().starts_with("HEAD") { "" } else { seen.line() };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).is_ok()
        });
        let identity = "[upstream.identity]\nmode = 'header'\nheader = 'X-Webauth-User'";
        let mut builder = SiteBuilder::url(&upstream.url(), identity);
        if let Some(authority) = &authority {
            authority.certify().write(builder.folder());
            builder = builder.server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'");
        }
        let site = builder.start();
        site.user("alice");
        let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
        Self { site, upstream, token, authority, slowly: false }
    }

    /// Puts the token and the usual lines where their places are.
    pub fn fill(&self, text: &[u8]) -> Vec<u8> {
        let mut text = filled(text, &self.token);
        let (place, with) = (b"{rest}", &self.token[5..]);
        while let Some(at) = text.windows(place.len()).position(|w| w == place) {
            text.splice(at..at + place.len(), with.bytes());
        }
        text
    }

    fn exchange(&self, bytes: &[u8]) -> Vec<Reply> {
        let address = self.site.address();
        if let Some(authority) = &self.authority {
            return over_tls(address, authority, bytes);
        }
        if !self.slowly {
            return raw(address, bytes);
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        // The other side may have refused and closed.
        let _ = bytes.iter().try_for_each(|byte| stream.write_all(&[*byte]));
        let mut received = Vec::new();
        match stream.read_to_end(&mut received) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        replies(&received)
    }

    /// Sends a request and the innocent one behind it, and holds everybody to what is `expected`:
    /// the statuses, and `close` where the connection must end there. What the upstream saw of it.
    pub fn send(&self, case: &[u8], expected: &str) -> Option<Seen> {
        let what = String::from_utf8_lossy(case).into_owned();
        let bytes = self.fill(case);
        let innocent = self
            .fill(format!("{INNOCENT}\r\n{{host}}{{auth}}Connection: close\r\n\r\n").as_bytes());
        let before = self.upstream.seen().len();
        let replies = self.exchange(&[&bytes[..], &innocent].concat());
        let mut seen = self.upstream.seen().split_off(before);
        let said: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        let words = expected.split(' ').filter(|word| *word != "close");
        let statuses: Vec<u16> = words.map(|word| word.parse().unwrap()).collect();
        if expected.ends_with("close") {
            assert_eq!(said, statuses, "{what}");
        } else {
            assert_eq!(said, [&statuses[..], &[200]].concat(), "{what}");
            assert_eq!(
                replies.last().unwrap().text(),
                INNOCENT,
                "{what}: the innocent one's answer"
            );
            let last = seen.pop().expect("the innocent one");
            assert_eq!(last.line(), INNOCENT, "{what}");
            self.check(&last, &what);
        }
        for reply in &replies {
            self.check_reply(reply, &what);
        }
        let allowed = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(seen.len(), allowed, "{what}: {seen:?}");
        for seen in &seen {
            self.check(seen, &what);
        }
        seen.pop()
    }

    /// What holds of every request that the upstream sees.
    pub fn check(&self, seen: &Seen, what: &str) {
        let bare = seen.head.matches('\n').count() - seen.head.matches("\r\n").count();
        assert_eq!(bare, 0, "{what}: {}", seen.head);
        let mut names = HashSet::new();
        for line in seen.head.lines().skip(1) {
            let (name, _) = line.split_once(':').unwrap();
            let name = name.to_ascii_lowercase();
            assert!(KNOWN.contains(&name.as_str()), "{what}: {line}");
            names.insert(name);
        }
        assert_eq!(seen.header("X-Webauth-User"), ["alice"], "{what}");
        assert_eq!(seen.header("Host"), [self.upstream.address().to_string()], "{what}");
        assert_eq!(seen.header("X-Forwarded-For"), ["127.0.0.1"], "{what}");
        let proto = if self.authority.is_some() { "https" } else { "http" };
        assert_eq!(seen.header("X-Forwarded-Proto"), [proto], "{what}");
        assert_eq!(seen.header("X-Forwarded-Host"), [self.site.address().to_string()], "{what}");
        assert_eq!(seen.header("X-Request-Id").len(), 1, "{what}");
        assert!(!names.contains("authorization"), "{what}: {}", seen.head);
        let framings = names.contains("content-length") && names.contains("transfer-encoding");
        assert!(!framings, "{what}: {}", seen.head);
        assert!(seen.header("Content-Length").len() <= 1, "{what}: {}", seen.head);
        let body = if seen.line().starts_with("POST") { "0000" } else { "" };
        assert_eq!(String::from_utf8_lossy(&seen.body), body, "{what}");
        assert!(!seen.head.contains(&self.token), "{what}");
    }

    fn check_reply(&self, reply: &Reply, what: &str) {
        assert!(!reply.head.contains(&self.token), "{what}: {}", reply.head);
        assert!(!reply.text().contains(&self.token), "{what}: {}", reply.text());
        let challenged = reply.header("WWW-Authenticate").is_some();
        assert_eq!(challenged, reply.status == 401, "{what}");
    }

    /// At the end: the token is nowhere in the log.
    pub fn check_log(&self) {
        self.site.logged(&[r#""event":"request""#]);
        let log = self.site.log();
        assert!(!log.contains(&self.token[5..]), "a token in the log");
    }
}

/// As [`raw`], over TLS.
fn over_tls(address: SocketAddr, authority: &Authority, bytes: &[u8]) -> Vec<Reply> {
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let client = authority.client(b"http/1.1");
    let connection = rustls::ClientConnection::new(client, name).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, socket);
    // The other side may refuse and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => {}
        // What could not be read ends the connection without more words.
        Err(error) => {
            let ended = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
            assert!(ended.contains(&error.kind()), "{error}");
        }
    }
    replies(&received)
}

#[test]
fn targets() {
    let house = House::new();
    for (target, status) in TARGETS {
        let request = format!("GET {target} HTTP/1.1\r\n{{host}}{{auth}}\r\n");
        if let Some(seen) = house.send(request.as_bytes(), &status.to_string()) {
            assert_eq!(seen.line(), format!("GET {target} HTTP/1.1"));
        }
    }
    house.check_log();
}

/// `http::Uri` forgets what follows a `#`: what was judged is what is sent all the same.
#[test]
fn fragments() {
    let house = House::new();
    let cases = [
        ("/team/app.git/HEAD#x", "/team/app.git/HEAD"),
        ("/team/app.git/HEAD#/../../x", "/team/app.git/HEAD"),
        ("/team/app.git/info/refs?service=git-upload-pack#&service=git-receive-pack", {
            "/team/app.git/info/refs?service=git-upload-pack"
        }),
    ];
    for (target, judged) in cases {
        let request = format!("GET {target} HTTP/1.1\r\n{{host}}{{auth}}\r\n");
        let seen = house.send(request.as_bytes(), "200").unwrap();
        assert_eq!(seen.line(), format!("GET {judged} HTTP/1.1"));
    }
    let refused = ["/team/x.git#/app.git/HEAD", "/#/team/app.git/HEAD", "/team#/app.git/HEAD"];
    for target in refused {
        let request = format!("GET {target} HTTP/1.1\r\n{{host}}{{auth}}\r\n");
        assert!(house.send(request.as_bytes(), "403").is_none());
    }
}

#[test]
fn first_lines() {
    let house = House::new();
    for (line, expected) in LINES {
        let request = format!("{line}\r\n{{host}}{{auth}}\r\n");
        house.send(request.as_bytes(), expected);
    }
    for (request, expected) in WHOLE {
        house.send(request, expected);
    }
    // HTTP/2 without TLS: the connection ends without a word.
    let before = house.upstream.seen().len();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert!(raw(house.site.address(), preface).is_empty());
    assert_eq!(house.upstream.seen().len(), before);
    house.check_log();
}

#[test]
fn header_lines() {
    let house = House::new();
    for (hosts, status) in HOSTS {
        let request = format!("{GET} HTTP/1.1\r\n{hosts}{{auth}}\r\n");
        house.send(request.as_bytes(), &status.to_string());
    }
    for (lines, expected) in HEADERS {
        let head = format!("{GET} HTTP/1.1\r\n{{host}}{{auth}}");
        house.send(&[head.as_bytes(), lines, b"\r\n"].concat(), expected);
    }
    house.check_log();
}

#[test]
fn kept_headers_arrive_as_they_were() {
    let house = House::new();
    let request = format!(
        "{GET} HTTP/1.1\r\n{{host}}{{auth}}Git-Protocol: version=2:x\r\nAccept: a\r\nAccept: b\r\n\
         Range: bytes=0-1\r\nX-Auth-User: root\r\nX-Note: a\r\nConnection: x-hop\r\n\r\n"
    );
    let seen = house.send(request.as_bytes(), "200").unwrap();
    assert_eq!(seen.header("Git-Protocol"), ["version=2:x"]);
    assert_eq!(seen.header("Accept"), ["a", "b"]);
    assert_eq!(seen.header("Range"), ["bytes=0-1"]);
    assert_eq!([seen.header("X-Auth-User"), seen.header("X-Note")], [[""; 0]; 2]);
    let request = format!(
        "{GET} HTTP/1.1\r\n{{host}}{{auth}}Connection: x-a, ACCEPT\r\nAccept: a\r\nAccept: b\r\n\r\n"
    );
    assert_eq!(house.send(request.as_bytes(), "200").unwrap().header("Accept"), [""; 0]);
}

#[test]
fn bodies() {
    let house = House::new();
    for (line, headers, body, expected) in BODIES {
        let request = format!("{line} HTTP/1.1\r\n{{host}}{{auth}}{headers}\r\n{body}");
        house.send(request.as_bytes(), expected);
    }
    house.check_log();
}

#[test]
fn probes() {
    let house = House::new();
    for (line, headers, body, status) in PROBES {
        let what = format!("{line} {headers} {body}");
        let request = format!("{line} HTTP/1.1\r\n{{host}}{headers}\r\n{body}");
        let innocent = format!("{INNOCENT}\r\n{{host}}{{auth}}Connection: close\r\n\r\n");
        let bytes = house.fill((request + &innocent).as_bytes());
        let before = house.upstream.seen().len();
        let replies = raw(house.site.address(), &bytes);
        let said: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(said, [*status, 200], "{what}");
        house.check_reply(&replies[0], &what);
        if *status == 200 {
            let kind = replies[0].header("Content-Type").unwrap();
            assert_eq!(kind, "application/x-git-receive-pack-result", "{what}");
            assert_eq!(replies[0].text(), "", "{what}");
        }
        let seen = house.upstream.seen().split_off(before);
        let lines: Vec<&str> = seen.iter().map(Seen::line).collect();
        assert_eq!(lines, [INNOCENT], "{what}");
    }
}

/// Decided first: a client that waits for 100 Continue is not told to go on when it is refused, and
/// needs to send nothing. One that is allowed is told so by the upstream's reading, once.
#[test]
fn expect_100_continue_is_decided_first() {
    let house = House::new();
    let wait = "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n";
    let cases = [
        ("{type}", "HTTP/1.1 401"),
        ("{auth}", "HTTP/1.1 415"),
        ("{type}{auth}{auth}", "HTTP/1.1 400"),
        ("{type}{auth}", "HTTP/1.1 100"),
    ];
    for (headers, expected) in cases {
        let request = format!("{PUSH} HTTP/1.1\r\n{{host}}{headers}{wait}\r\n");
        let mut stream = TcpStream::connect(house.site.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // Without a credential it could be the probe, whose body decides; so there it is no probe.
        let request = if headers == "{type}" { request.replace(": 4", ": 40") } else { request };
        stream.write_all(&house.fill(request.as_bytes())).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(String::from_utf8_lossy(&first), expected, "{headers}");
        if expected.ends_with("100") {
            stream.write_all(b"0000").unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
            assert!(!answer.contains("HTTP/1.1 100"), "{answer}");
        }
    }
    let seen = house.upstream.seen();
    assert_eq!(seen.len(), 1);
    house.check(&seen[0], "the allowed one");
}

/// Under `fixed` the upstream sees the one credential, and nothing of the client's.
#[test]
fn the_fixed_credential_is_the_only_one() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let identity = "[upstream.identity]\nmode = 'fixed'\nusername = 'bot'\nsecret_file = 'secret'";
    let site = super::support::with_secret(SiteBuilder::url(&upstream.url(), identity))
        .section("[access]\nusers = 'grants'")
        .start();
    site.user("alice");
    site.done(&["grant", "add", "alice", "REPO_WRITE", "--project", "team"], "");
    let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_WRITE"]);
    let cases = [
        "",
        "X-Webauth-User: root\r\nX_Webauth_User: root\r\nRemote-User: root\r\n",
        "X-Forwarded-User: root\r\nX_Forwarded_User: root\r\n",
        "Proxy-Authorization: Basic eDp5\r\nAuthori.zation: Basic eDp5\r\nAuthori_zation: x\r\n",
        "Cookie: a=b\r\nCookie: c=d\r\nSudo: root\r\n",
        "Connection: x-a\r\n",
    ];
    for headers in cases {
        let line = format!("{GET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        let bytes = format!("{line}{}{headers}\r\n", bearer(&token));
        let replies = raw(site.address(), bytes.as_bytes());
        assert_eq!(replies[0].status, 200, "{headers}");
        let seen = upstream.seen().pop().unwrap();
        let credential = basic("bot", super::support::SECRET);
        let credential = credential.trim().split_once(": ").unwrap().1;
        assert_eq!(seen.header("Authorization"), [credential], "{headers}");
        for line in seen.head.lines().skip(1) {
            let name = line.split(':').next().unwrap().to_ascii_lowercase();
            assert!(KNOWN.contains(&name.as_str()), "{headers}: {line}");
            assert!(!line.contains("root"), "{headers}: {line}");
        }
    }
    assert_eq!(upstream.seen().len(), cases.len());
}
