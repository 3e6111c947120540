//! A request as somebody would type it.

use crate::domain::dialect::RequestLine;
use crate::domain::token::contains_form;

/// A method: upper-case or not, as it would be sent.
#[derive(Clone, Debug)]
pub(super) struct Method(String);

impl Method {
    /// Reads a method (RFC 9110 section 9.1: a token).
    pub(super) fn new(text: &str) -> Result<Self, &'static str> {
        let part = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || !text.bytes().all(part) {
            return Err("a method is a word like GET or POST");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Path and query of a URL.
#[derive(Clone, Debug)]
pub(super) struct Url {
    path: String,
    query: Option<String>,
}

impl Url {
    /// Reads a path, or an absolute URL, of which only path and query count.
    pub(super) fn new(text: &str) -> Result<Self, &'static str> {
        if text.contains('#') {
            return Err("what follows a # never leaves the client; leave it out");
        }
        let local = if text.starts_with('/') {
            text.to_owned()
        } else {
            let (_, rest) = text.split_once("://").ok_or("a URL begins with / or https://HOST")?;
            match rest.find(['/', '?']) {
                // No path before the query, or none at all, is sent as `/`.
                Some(at) if rest[at..].starts_with('?') => format!("/{}", &rest[at..]),
                Some(at) => rest[at..].to_owned(),
                None => "/".to_owned(),
            }
        };
        Ok(match local.split_once('?') {
            Some((path, query)) => Self { path: path.to_owned(), query: Some(query.to_owned()) },
            None => Self { path: local, query: None },
        })
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// How.
    pub(super) method: &'a Method,
    /// What.
    pub(super) url: &'a Url,
}

impl Request<'_> {
    /// The line that a dialect reads.
    pub(super) fn line(&self) -> RequestLine<'_> {
        let Url { path, query } = self.url;
        RequestLine { method: &self.method.0, path, query: query.as_deref() }
    }

    /// The request as it is shown; a token that stands in it is not.
    pub(super) fn shown(&self) -> String {
        let Url { path, query } = self.url;
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let whole = format!("{path}{query}");
        let decoded = percent_encoding::percent_decode_str(&whole).collect::<Vec<u8>>();
        let holds_token = contains_form(whole.as_bytes()) || contains_form(&decoded);
        let shown = if holds_token { "(a URL with a token in it)" } else { &whole };
        format!("{} {shown}", self.method.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_path_and_query_of_a_url_count() {
        let cases = [
            ("/p/r.git/HEAD", "/p/r.git/HEAD", None),
            ("/p?a=b?c", "/p", Some("a=b?c")),
            ("/p?", "/p", Some("")),
            ("https://host:8443/p?q", "/p", Some("q")),
            ("https://host", "/", None),
            ("https://host?q", "/", Some("q")),
            ("//host/p", "//host/p", None),
        ];
        for (text, path, query) in cases {
            let url = Url::new(text).expect(text);
            assert_eq!((url.path.as_str(), url.query.as_deref()), (path, query), "{text}");
        }
        for bad in ["", "p/r.git", "/p#x"] {
            assert!(Url::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_in_a_url_is_not_shown() {
        let token = format!("latu_{}", "a".repeat(36));
        for url in [format!("/{token}"), format!("/?t={}", token.replace('l', "%6c"))] {
            let url = Url::new(&url).expect("a URL");
            let method = Method::new("GET").expect("a method");
            let shown = Request { method: &method, url: &url }.shown();
            assert_eq!(shown, "GET (a URL with a token in it)");
        }
    }
}
