//! Redirects: a `Location` of the host's own becomes ours, and no other passes on a Git path.
//!
//! Git re-bases every later request, credentials included, on the first redirect that it follows.

use crate::config::Origin;

/// What to do with a `Location`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// It is relative to this server.
    Keep,
    /// It is of the host's own origin: this is ours for it.
    Rewritten(String),
    /// It leads to where people log in.
    Login,
    /// It leads elsewhere.
    Elsewhere,
}

/// Judges a `Location` of the upstream at `upstream`, which the clients know as `public`.
pub(super) fn judge(location: &str, upstream: &Origin, public: &Origin) -> Location {
    if location.bytes().any(|b| b <= 0x20 || b == b'\\' || b >= 0x7f) {
        return Location::Elsewhere;
    }
    let (path, absolute) = match split_origin(location) {
        None if location.starts_with('/') => (location, false),
        None => return Location::Elsewhere,
        Some((https, authority, path)) => {
            // A host that knows how clients call it says so itself.
            let is = |own: &Origin| https == own.https && same_authority(authority, own);
            if !is(upstream) && !is(public) {
                return Location::Elsewhere;
            }
            (path, true)
        }
    };
    let bare = path.split(['?', '#']).next().unwrap_or_default();
    // What follows a semicolon may be a session of the host's (`;jsessionid=…`).
    let bare = match bare.split_once(';') {
        None => bare,
        Some((bare, _)) if is_login(bare) => return Location::Login,
        Some(_) => return Location::Elsewhere,
    };
    if is_login(bare) {
        return Location::Login;
    }
    let below = bare.strip_prefix(&upstream.prefix);
    if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Location::Elsewhere;
    }
    if !absolute {
        return Location::Keep;
    }
    let scheme = if public.https { "https" } else { "http" };
    Location::Rewritten(format!("{scheme}://{}{path}", public.authority))
}

/// Scheme, authority and the rest of an absolute or scheme-relative URL.
fn split_origin(location: &str) -> Option<(bool, &str, &str)> {
    let lower = location.get(..8).unwrap_or(location).to_ascii_lowercase();
    let (https, rest) = if lower.starts_with("https://") {
        (true, &location[8..])
    } else if lower.starts_with("http://") {
        (false, &location[7..])
    } else {
        // `//host/path` keeps the scheme; no authority of ours is empty, so it counts as another host's.
        return location.starts_with("//").then_some((false, "", ""));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((https, &rest[..end], &rest[end..]))
}

fn same_authority(authority: &str, upstream: &Origin) -> bool {
    let default = if upstream.https { ":443" } else { ":80" };
    let plain = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    plain(authority) == plain(&upstream.authority)
}

/// The log-in pages of Bitbucket, Gitea, GitLab, GitHub and of sign-on in front of them.
fn is_login(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let ends = ["/login", "/users/sign_in", "/user/login", "/session/new", "/sso", "/saml", "/mfa"];
    let within =
        ["/oauth2/start", "/plugins/servlet/external-login", "/plugins/servlet/samlconsumer"];
    ends.iter().any(|end| path.ends_with(end)) || within.iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(https: bool, authority: &str, prefix: &str) -> Origin {
        Origin {
            https,
            host: authority.split(':').next().unwrap_or_default().to_owned(),
            port: 80,
            authority: authority.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    #[test]
    fn locations() {
        let upstream = origin(false, "up:7990", "/git");
        let public = origin(true, "git.example.com", "/git");
        let rewritten = |path: &str| Location::Rewritten(format!("https://git.example.com{path}"));
        let cases = [
            ("/git/p/r.git/info/refs", Location::Keep),
            (
                "http://up:7990/git/p/new.git/info/refs?service=x",
                rewritten("/git/p/new.git/info/refs?service=x"),
            ),
            ("HTTP://UP:7990/git/x", rewritten("/git/x")),
            ("https://up:7990/git/x", Location::Elsewhere),
            ("https://git.example.com/git/x", rewritten("/git/x")),
            ("https://git.example.com:443/git/x", rewritten("/git/x")),
            ("http://git.example.com/git/x", Location::Elsewhere),
            ("https://git.example.com/other", Location::Elsewhere),
            ("/git/login;jsessionid=1?next=x", Location::Login),
            ("/git/x;jsessionid=1", Location::Elsewhere),
            ("/git/plugins/servlet/external-login/1", Location::Login),
            ("http://up:7990/other", Location::Elsewhere),
            ("http://up:7990.evil/git/x", Location::Elsewhere),
            ("http://up:7990@evil/git/x", Location::Elsewhere),
            ("http://evil/git/x", Location::Elsewhere),
            ("//evil/git/x", Location::Elsewhere),
            ("//up:7990/git/x", Location::Elsewhere),
            ("/\\evil", Location::Elsewhere),
            ("info/refs", Location::Elsewhere),
            ("/elsewhere", Location::Elsewhere),
            ("/gitx", Location::Elsewhere),
            ("", Location::Elsewhere),
            ("/git/login", Location::Login),
            ("http://up:7990/git/users/sign_in?next=x", Location::Login),
        ];
        for (location, expected) in cases {
            assert_eq!(judge(location, &upstream, &public), expected, "{location}");
        }
    }
}
