//! The plain port: whoever comes without TLS is sent to `public_url`, and a credential that came so is told
//! to be one no more. It serves nothing else, and asks nobody.

use crate::config::Origin;
use crate::domain::dialect::path::{decode, is_credential_in_query};
use crate::domain::token;
use crate::forward::headers::is_credential;
use crate::server::{self, Bound, Limits, Peer, Plan, Pulse};
use crate::telemetry::log::Seldom;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How much of a body is read, and for how long, so that its client sees the answer.
const READ_OUT: usize = 64 * 1024;
const READ_FOR: Duration = Duration::from_secs(2);

const SENT_IN_THE_CLEAR: &str = "gitlatch: a credential was sent in the clear, for everybody on the way to \
                                 read; change it, and use https\n";
const ONLY_HTTPS: &str = "gitlatch: use https; nothing is served here\n";
const TARGET: &str = "gitlatch: this is no path that can be redirected\n";

/// What the plain port needs.
pub(super) struct Turnpike {
    pub(super) listeners: Vec<Bound>,
    pub(super) public: Origin,
    pub(super) limits: Arc<ArcSwap<Limits>>,
    /// Told once the public address is served; closed when it never will be.
    pub(super) opened: mpsc::Receiver<()>,
    pub(super) stop: CancellationToken,
}

/// A running plain port.
pub(super) struct Running(JoinHandle<()>);

impl Running {
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the plain port crashed");
        }
    }
}

/// Serves it in threads of its own, which have nothing that the gate has.
pub(super) fn start(turnpike: Turnpike) -> Running {
    let opened = turnpike.opened;
    let plan = Plan {
        name: "redirect",
        listeners: turnpike.listeners,
        tls: None,
        workers: 1,
        limits: turnpike.limits,
        connections: Arc::default(),
        faults: Arc::default(),
        stop: turnpike.stop,
        pulse: Pulse::default(),
        opening: Box::new(move || Ok(opened.recv()?)),
    };
    let (public, warned) = (turnpike.public, Arc::<Seldom>::default());
    Running(std::thread::spawn(move || {
        let make = move |_| Ok(Signpost { public: public.clone(), warned: Arc::clone(&warned) });
        if let Err(error) = server::run(plan, make) {
            tracing::error!(error, "the plain port cannot be served");
        }
    }))
}

struct Signpost {
    public: Origin,
    warned: Arc<Seldom>,
}

impl server::Service for Signpost {
    type Body = Full<Bytes>;

    async fn call(&self, peer: Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let answer = if has_credential(&head) {
            if self.warned.is_due() {
                let client = peer.address.map(|address| address.to_string());
                tracing::warn!(client, "a credential was sent to the plain port in the clear");
            }
            text(StatusCode::FORBIDDEN, SENT_IN_THE_CLEAR)
        } else if !matches!(head.method, Method::GET | Method::HEAD) {
            text(StatusCode::FORBIDDEN, ONLY_HTTPS)
        } else {
            // Only a target in origin-form has neither.
            let origin_form = head.uri.scheme().is_none() && head.uri.authority().is_none();
            let place = origin_form.then(|| location(&self.public, target)).flatten();
            place.map_or_else(|| text(StatusCode::BAD_REQUEST, TARGET), moved)
        };
        read_out(body).await;
        answer
    }

    fn crashed(&self) -> Response<Full<Bytes>> {
        text(StatusCode::INTERNAL_SERVER_ERROR, "gitlatch: this request crashed\n")
    }
}

/// Whether anything of it is a credential by its name or its form. A browser's cookies are none: they are
/// sent without anybody's doing, and those that matter are marked `Secure`.
fn has_credential(head: &Parts) -> bool {
    let form = |text: &str| {
        token::contains_form(text.as_bytes()) || token::contains_form(decode(text).as_bytes())
    };
    form(head.uri.path_and_query().map_or("", |target| target.as_str()))
        || head.uri.query().is_some_and(is_credential_in_query)
        || head.headers.iter().any(|(name, value)| {
            is_credential(name.as_str()) || token::contains_form(value.as_bytes())
        })
}

/// The same path and query on `public_url`, whose authority it always is. Only bytes that a URL has
/// (RFC 3986 section 2), so that no reader of the header can see another place in it.
fn location(public: &Origin, target: &str) -> Option<HeaderValue> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%[]".contains(&byte);
    if !target.starts_with('/') || !target.bytes().all(allowed) {
        return None;
    }
    HeaderValue::from_str(&format!("https://{}{target}", public.authority)).ok()
}

fn moved(place: HeaderValue) -> Response<Full<Bytes>> {
    let mut answer = text(StatusCode::MOVED_PERMANENTLY, ONLY_HTTPS);
    answer.headers_mut().insert(LOCATION, place);
    answer
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // Who is sent elsewhere has nothing to stay for.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// A connection that is closed while bytes of it are unread is reset, and the answer with it.
async fn read_out(mut body: Incoming) {
    let all = async {
        let mut read = 0;
        while read < READ_OUT
            && let Some(Ok(frame)) = body.frame().await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = tokio::time::timeout(READ_FOR, all).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_on_the_public_address_whatever_is_asked_for() {
        let public = Origin {
            https: true,
            host: "git.example.com".to_owned(),
            port: 8443,
            authority: "git.example.com:8443".to_owned(),
            prefix: "/bitbucket".to_owned(),
        };
        let cases = [
            ("/", Some("https://git.example.com:8443/")),
            (
                "/a/b.git/info/refs?service=x",
                Some("https://git.example.com:8443/a/b.git/info/refs?service=x"),
            ),
            ("/bitbucket/x", Some("https://git.example.com:8443/bitbucket/x")),
            ("//evil.example", Some("https://git.example.com:8443//evil.example")),
            ("/@evil.example", Some("https://git.example.com:8443/@evil.example")),
            ("/%0d%0aSet-Cookie:x", Some("https://git.example.com:8443/%0d%0aSet-Cookie:x")),
            ("", None),
            ("*", None),
            ("@evil.example/", None),
            (".evil.example/", None),
            (":80@evil.example/", None),
            ("/\\evil.example", None),
            ("/a b", None),
            ("/a\r\nX: y", None),
            ("/a\u{e9}", None),
            ("/<script>", None),
            ("/\"", None),
            ("/a#b", None),
        ];
        for (target, expected) in cases {
            let place = location(&public, target);
            assert_eq!(place.as_ref().map(|place| place.to_str().unwrap()), expected, "{target}");
        }
    }
}
