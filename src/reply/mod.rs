//! The doorman: every answer that gitlatch makes itself leaves here, in its caller's own language.
//!
//! Git paths get `text/plain`, which git prints as `remote: …`; LFS gets the JSON of its API, and REST
//! that of Bitbucket. Every answer carries the request id that is also in the log.

mod git;
mod lfs;
mod rest;

use crate::domain::intent::Voice;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;
use std::borrow::Cow;

/// Seconds after which a client may try again when there was trouble here.
const TRY_AGAIN: u64 = 5;

/// What is to be said.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// One sentence that a person can act on.
    pub text: String,
    /// The methods there are, with 405.
    pub allow: Option<Cow<'static, str>>,
    /// Whether the connection ends with it: after an error of framing nobody knows where the next
    /// request would begin.
    pub close: bool,
    /// What of the request the text is about (a field of its body), for [`Voice::Rest`].
    pub context: Option<String>,
    /// The name by which programs know the mistake, for [`Voice::Rest`]; that of the status without it.
    pub exception: Option<&'static str>,
    /// After how many seconds the client may try again, with 429 and 503.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// An answer that leaves the connection open.
    #[must_use]
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(TRY_AGAIN);
        Self {
            status,
            text: text.into(),
            allow: None,
            close: false,
            context: None,
            exception: None,
            retry_after,
        }
    }

    /// Says it.
    #[must_use]
    pub fn into_response(self, voice: Voice, id: &str) -> Response<Full<Bytes>> {
        let (content_type, body) = match voice {
            Voice::Git => (git::CONTENT_TYPE, git::body(&self.text, id)),
            Voice::Lfs => (lfs::CONTENT_TYPE, lfs::body(&self.text, id)),
            Voice::Rest => (rest::CONTENT_TYPE, rest::body(&self, id)),
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            challenge(headers, voice);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Names of methods always are a value.
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The answer to the four bytes that git posts before a large push or fetch, to learn whether its
/// credential will do: an empty result of the service.
#[must_use]
pub fn probe(content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The answer to a push that was refused: a report to git.
#[must_use]
pub fn pushed(report: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = probe("application/x-git-receive-pack-result");
    *response.body_mut() = Full::from(report);
    response
}

/// JSON of the LFS API, which links for one client stand in.
#[must_use]
pub fn lfs(status: StatusCode, json: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(lfs::CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error of the LFS API in the host's own words.
#[must_use]
pub fn lfs_says(status: StatusCode, text: &str, id: &str) -> Response<Full<Bytes>> {
    lfs(status, lfs::says(text.to_owned(), id))
}

/// An answer of the host's to a person, with our challenges where it is a 401 without any.
#[must_use]
pub fn challenged<B>(mut response: Response<B>) -> Response<B> {
    let bare = !response.headers().contains_key(WWW_AUTHENTICATE);
    if response.status() == StatusCode::UNAUTHORIZED && bare {
        challenge(response.headers_mut(), Voice::Git);
    }
    response
}

/// Both challenges, always: git must never see a 401 without one. LFS clients look for theirs.
fn challenge(headers: &mut http::HeaderMap, voice: Voice) {
    const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"gitlatch\"");
    headers.insert(WWW_AUTHENTICATE, BASIC);
    headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gitlatch\""));
    if voice == Voice::Lfs {
        headers.insert(HeaderName::from_static("lfs-authenticate"), BASIC);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voice_challenges_and_says_when_to_try_again() {
        for voice in [Voice::Git, Voice::Lfs, Voice::Rest] {
            let answer = Answer::new(StatusCode::UNAUTHORIZED, "x").into_response(voice, "id");
            let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
            let schemes: Vec<_> = challenges.map(|c| c.as_bytes().split_at(5).0).collect();
            assert_eq!(schemes, [b"Basic", b"Beare"], "{voice:?}");
            assert!(!answer.headers().contains_key(RETRY_AFTER), "{voice:?}");
            let cases = [
                (StatusCode::SERVICE_UNAVAILABLE, None, "5"),
                (StatusCode::SERVICE_UNAVAILABLE, Some(9), "9"),
                (StatusCode::TOO_MANY_REQUESTS, Some(60), "60"),
            ];
            for (status, seconds, expected) in cases {
                let mut answer = Answer::new(status, "x");
                answer.retry_after = seconds.or(answer.retry_after);
                let answer = answer.into_response(voice, "id");
                assert_eq!(answer.headers()[RETRY_AFTER], expected, "{voice:?} {status}");
            }
        }
    }
}
