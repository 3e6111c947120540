//! The side door: gitlatch's own paths, which never go upstream.
//!
//! The gate knows that they are its own and who is asking; what is done there is somebody else's.

use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules, body};
use crate::auth::credential;
use crate::domain::intent::Voice;
use crate::domain::names::UserName;
use crate::domain::principal::TokenPrincipal;
use crate::domain::secret::Secret;
use crate::forward::body::{Body, Upload};
use crate::reply::Answer;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use std::net::IpAddr;
use std::rc::Rc;

/// A request for one of gitlatch's own paths.
#[derive(Debug)]
pub struct Knock<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path behind the prefix of the public URL.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
    /// The `Content-Type`, if there is exactly one and it is text.
    pub media_type: Option<&'a str>,
    /// The body; `None` when it is larger than [`SideDoor::most_body`]. Of nobody's request it is empty.
    pub body: Option<Bytes>,
    /// Where the client is.
    pub client: Option<IpAddr>,
    /// Who asks.
    pub visitor: Visitor,
}

/// Who asks.
#[derive(Debug)]
pub enum Visitor {
    /// Nobody said who, or in a way that proves nothing here.
    Nobody,
    /// Somebody with a user name and a password, which are still to be proved.
    Person(String, Secret),
    /// A token that was found and may be used from here.
    Token(Rc<TokenPrincipal>),
}

/// What is answered, and who proved to be asking.
#[derive(Debug)]
pub struct Served {
    /// The status and the JSON; or what is said instead, with a short stable name of the reason.
    pub answer: Result<(StatusCode, String), (Answer, &'static str)>,
    /// The person, if one proved to be one.
    pub person: Option<UserName>,
}

/// Serves gitlatch's own paths.
pub trait SideDoor {
    /// Serves one request.
    fn serve<'a>(&'a self, knock: Knock<'a>) -> LocalBoxFuture<'a, Served>;

    /// The largest body that any of them has, in bytes.
    fn most_body(&self) -> usize;
}

impl Gate {
    /// What is asked of gitlatch itself.
    pub(super) async fn own(
        &self,
        rules: &Rules,
        head: &Parts,
        upload: &mut Upload,
        client: Option<IpAddr>,
        token: Option<Rc<TokenPrincipal>>,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        visit.manages();
        let who = visitor(token, head);
        let door = self.side_door.as_ref();
        let served = knock(door, rules, head, upload, client, who).await?;
        visit.is_person(served.person);
        match served.answer {
            Ok((status, text)) => Ok(json(status, text)),
            Err((answer, reason)) => Err(Refusal::Own(Box::new(answer), reason)),
        }
    }
}

/// Who asks, from what the headers present: a token that was found, or a person's password.
fn visitor(token: Option<Rc<TokenPrincipal>>, head: &Parts) -> Visitor {
    match (token, credential::password(&head.headers)) {
        (Some(token), _) => Visitor::Token(token),
        (None, Some((name, password))) => Visitor::Person(name, password),
        (None, None) => Visitor::Nobody,
    }
}

/// Whether a page of another site had the browser send this. A browser adds the password that it knows
/// for us to whatever any page has it send, and forms need nobody's leave to be sent.
fn from_elsewhere(head: &Parts) -> bool {
    // Two of them are no browser's.
    let text = |name: &str| {
        let mut values = head.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap_or("?"));
        first.map(|first| if values.next().is_some() { "?" } else { first })
    };
    // Fetch Metadata: `none` is a person's own doing.
    let site = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    // RFC 6454 section 7: `null` is nobody's, and not ours.
    let origin = text("origin").map(|origin| origin.split_once("://").map_or("", |(_, at)| at));
    let host = text("host").or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    let ours = |origin: &str| host.is_some_and(|host| host.eq_ignore_ascii_case(origin));
    site || origin.is_some_and(|origin| !ours(origin))
}

/// Hands one request over, if there is anything at its path at all.
async fn knock(
    door: &dyn SideDoor,
    rules: &Rules,
    head: &Parts,
    upload: &mut Upload,
    client: Option<IpAddr>,
    visitor: Visitor,
) -> Result<Served, Refusal> {
    if rules.kind.voice(&rules.prefix, head.uri.path()) != Voice::Rest {
        let token = matches!(visitor, Visitor::Token(_));
        return Err(if token { Refusal::OwnPath } else { Refusal::NoPages });
    }
    if !head.method.is_safe() && from_elsewhere(head) {
        return Err(Refusal::Elsewhere);
    }
    // Whoever proves nothing is not listened to any further.
    let body = match visitor {
        Visitor::Nobody => Some(Bytes::new()),
        _ if head.method.is_safe() => {
            body::check_empty(upload, rules).await?;
            Some(Bytes::new())
        }
        _ => body::collect(upload, rules, door.most_body(), None).await?,
    };
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let first = types.next().and_then(|value| value.to_str().ok());
    let knock = Knock {
        method: &head.method,
        // Behind a prefix that is spelled otherwise there is nothing.
        path: head.uri.path().strip_prefix(rules.prefix.as_str()).unwrap_or_default(),
        query: head.uri.query(),
        media_type: first.filter(|_| types.next().is_none()),
        body,
        client,
        visitor,
    };
    Ok(door.serve(knock).await)
}

/// The answer to a request that was served.
fn json(status: StatusCode, text: String) -> Response<Body> {
    let empty = text.is_empty();
    let mut response = Response::new(Body::Ready(Full::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !empty {
        let kind = HeaderValue::from_static("application/json;charset=UTF-8");
        headers.insert(CONTENT_TYPE, kind);
    }
    response
}
