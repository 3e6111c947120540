//! Links of Git LFS: where the host says that objects are, and what it must be told there.

use super::RemoteHost;
use crate::config::Origin;
use crate::domain::dialect::path::decode;
use crate::forward::UpstreamCredential;
use crate::forward::headers::{self, fold};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Link {
    /// To the host itself.
    Own {
        /// Path and query, byte for byte.
        target: String,
        /// The same below the public URL.
        public: String,
    },
    /// To another host.
    Elsewhere,
    /// To nowhere that can be told: it is no URL of the web, or names a user.
    Unclear,
}

impl RemoteHost {
    /// Where a link leads. The host's own are those of `url`, of `public_url`, and of the `Host` that it is
    /// told; by either scheme, since it is told of ours.
    #[must_use]
    pub fn link(&self, href: &str) -> Link {
        let host = self.host.to_str().unwrap_or_default();
        let own = [self.origin.authority.as_str(), &self.public.authority, host];
        judge(href, own, &self.public)
    }

    /// Whether a text holds the credential that the host is told, as it is, in percent escapes or in base64.
    #[must_use]
    pub fn betrays(&self, own: Option<&UpstreamCredential>, text: &str) -> bool {
        let secrets = self.teller.secrets(own);
        let holds = |text: &[u8]| secrets.iter().any(|s| memchr::memmem::find(text, s).is_some());
        // Either alphabet, padded or not.
        let encoded = |word: &str| {
            let padding = "=".repeat((4 - word.len() % 4) % 4);
            let word = format!("{}{padding}", word.replace('-', "+").replace('_', "/"));
            STANDARD.decode(word).map(Zeroizing::new).is_ok_and(|decoded| holds(&decoded))
        };
        let unpadded = |text: &str| {
            let bare = |secret: &[u8]| {
                secret.strip_suffix(b"==").or(secret.strip_suffix(b"=")).map(<[u8]>::to_vec)
            };
            secrets
                .iter()
                .filter_map(|s| bare(s))
                .any(|s| memchr::memmem::find(text.as_bytes(), &s).is_some())
        };
        !secrets.is_empty()
            && (holds(text.as_bytes())
                || holds(decode(text).as_bytes())
                || unpadded(text)
                || text.split([' ', ',', ';', '"', '=', '?', '&', ':']).any(|word| {
                    let parts = std::iter::once(word).chain(word.split('/'));
                    parts.into_iter().any(|part| part.len() > 8 && encoded(part))
                }))
    }

    /// Whether a header that the host wants to be sent with a transfer is sent: not those that are the
    /// connection's, nor those that say who somebody is past gitlatch.
    #[must_use]
    pub fn takes_header(&self, name: &str, value: &str) -> bool {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return false };
        let identity = self.teller.header().map(|own| fold(own.as_str()));
        let plain = name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain
            && HeaderValue::from_str(value).is_ok()
            && !headers::is_ours(name.as_str())
            && identity.is_none_or(|own| own != fold(name.as_str()))
    }
}

/// Judges a link. `own` are the authorities of the host.
fn judge(href: &str, own: [&str; 3], public: &Origin) -> Link {
    if href.bytes().any(|b| b <= 0x20 || b >= 0x7f || b"\\#<>\"^`{|}".contains(&b)) {
        return Link::Unclear;
    }
    let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    let (default, rest) = if lower.starts_with("https://") {
        (":443", &href[8..])
    } else if lower.starts_with("http://") {
        (":80", &href[7..])
    } else {
        return Link::Unclear;
    };
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if !headers::is_host(authority) {
        return Link::Unclear;
    }
    let plain = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    if !own.iter().any(|own| plain(own) == plain(authority)) {
        return Link::Elsewhere;
    }
    let path = target.split('?').next().unwrap_or_default();
    let below = path.strip_prefix(public.prefix.as_str());
    if !below.is_some_and(|rest| rest.starts_with('/')) {
        return Link::Unclear;
    }
    let scheme = if public.https { "https" } else { "http" };
    let public = format!("{scheme}://{}{target}", public.authority);
    Link::Own { target: target.to_owned(), public }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        let public = Origin {
            https: true,
            host: "git.example.com".to_owned(),
            port: 443,
            authority: "git.example.com".to_owned(),
            prefix: "/git".to_owned(),
        };
        let cases = [
            ("http://up:7990/git/p/r.git/x?y=%2F", "https://git.example.com/git/p/r.git/x?y=%2F"),
            ("HTTP://UP:7990/git/x", "https://git.example.com/git/x"),
            ("https://up:7990/git/x", "https://git.example.com/git/x"),
            ("https://git.example.com:443/git/x", "https://git.example.com/git/x"),
            ("http://inner/git/x", "https://git.example.com/git/x"),
            ("http://inner:80/git/x", "https://git.example.com/git/x"),
            ("http://inner:443/git/x", "elsewhere"),
            ("http://up/git/x", "elsewhere"),
            ("https://store.example.com/b/x?X-Amz-Signature=1", "elsewhere"),
            ("http://up:7990/other", "unclear"),
            ("http://up:7990/git", "unclear"),
            ("http://up:7990/gitx/y", "unclear"),
            ("http://up:7990?x", "unclear"),
            ("http://user@up:7990/git/x", "unclear"),
            ("http://user:pw@elsewhere/x", "unclear"),
            ("http://up:7990@evil/git/x", "unclear"),
            ("http:///git/x", "unclear"),
            ("//up:7990/git/x", "unclear"),
            ("/git/x", "unclear"),
            ("ssh://up:7990/git/x", "unclear"),
            ("http://up:7990\\git/x", "unclear"),
            ("http://up:7990/git/x#y", "unclear"),
            ("http://up:7990/git/x y", "unclear"),
            ("http://üp/git/x", "unclear"),
            ("", "unclear"),
        ];
        for (href, expected) in cases {
            let said = match judge(href, ["up:7990", "git.example.com", "inner"], &public) {
                Link::Own { public, .. } => public,
                Link::Elsewhere => "elsewhere".to_owned(),
                Link::Unclear => "unclear".to_owned(),
            };
            assert_eq!(said, expected, "{href}");
        }
    }
}
