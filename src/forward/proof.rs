//! A person's credential, shown to the host to hear what it says to it.
//!
//! The request is ours from the first byte to the last, and goes by itself on a connection of its own:
//! nothing of what the client sent could change its meaning, and nobody else's request follows on it.

use super::ForwardError;
use super::pool::Address;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Empty;
use std::pin::pin;
use std::time::Duration;

const OURS: HeaderValue = HeaderValue::from_static(concat!("gitlatch/", env!("CARGO_PKG_VERSION")));

/// The name that the host knows the person by (Bitbucket Data Center and its relatives).
const USER: &str = "x-ausername";

/// What the host said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The status: 2xx to a right credential, 401 to a wrong one.
    pub status: StatusCode,
    /// The person's name as the host writes it, where it says so: the one `X-AUSERNAME` header, as it
    /// came.
    pub user: Option<String>,
}

/// The request for what is at `target`, as this credential may see it.
pub(super) fn request(
    target: &str,
    host: &HeaderValue,
    mut authorization: HeaderValue,
) -> Result<Request<Empty<Bytes>>, ForwardError> {
    authorization.set_sensitive(true);
    let request = Request::get(target)
        .header(HOST, host)
        .header(AUTHORIZATION, authorization)
        .header(USER_AGENT, OURS)
        .header(ACCEPT, HeaderValue::from_static("*/*"))
        .header(CONNECTION, HeaderValue::from_static("close"));
    request.body(Empty::new()).map_err(|_malformed| ForwardError::Unsendable)
}

/// Sends it on a connection of its own. Of the answer only the head is looked at; a redirect is an
/// answer like any other.
pub(super) async fn ask(
    address: &Address,
    request: Request<Empty<Bytes>>,
    timeout: Duration,
) -> Result<Proof, ForwardError> {
    let asking = async {
        let (mut sender, connection) = address.connect(timeout).await?;
        // Both live here, so that the connection ends with the question, however that ends.
        let (answer, connection) = (pin!(sender.send_request(request)), pin!(connection));
        match select(answer, connection).await {
            Either::Left((answer, _)) => answer,
            // Why it ended, the request was told.
            Either::Right((_, answer)) => answer.await,
        }
        .map_err(ForwardError::Protocol)
    };
    let asked = tokio::time::timeout(timeout, asking).await;
    let (head, _body) = asked.map_err(|_elapsed| ForwardError::Silent)??.into_parts();
    match head.status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(ForwardError::ProxyWanted),
        status if status.is_informational() => Err(ForwardError::Switched),
        status => Ok(Proof { status, user: user(&head.headers) }),
    }
}

fn user(headers: &HeaderMap) -> Option<String> {
    let mut names = headers.get_all(USER).iter();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    name.to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}
