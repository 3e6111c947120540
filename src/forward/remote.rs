//! A host over HTTP.

mod links;

pub use links::Link;

use super::body::{Body, Relay, UploadState, unless_idle};
use super::exchange::exchange;
use super::location::{self, Location};
use super::permission;
use super::pool::{Address, Pool};
use super::proof::{self, Proof};
use super::tls::UpstreamTls;
use super::{ForwardError, Outbound, Passage, Teller, Upload, UpstreamCredential, headers};
use crate::config::{Origin, Remote};
use crate::domain::client;
use crate::domain::policy::{Permit, Traveller};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Why a host cannot be forwarded to at all.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The name in `url` is none that a certificate could carry.
    #[error("`{0}` is no name that a certificate could be for")]
    Name(String),
    /// It is an `https` URL, and there is nothing to tell by whether it is the right host.
    #[error("nothing was loaded to speak TLS with {0}, and it is not spoken to without")]
    NoTls(String),
    /// A header that is to be sent cannot be a header.
    #[error("`{0}` cannot stand in a header")]
    Header(String),
}

/// A host over HTTP, as one worker reaches it.
pub struct RemoteHost {
    origin: Origin,
    public: Origin,
    host: HeaderValue,
    public_host: HeaderValue,
    teller: Teller,
    address: Rc<Address>,
    tokens: Rc<Pool>,
    people: Rc<Pool>,
}

impl RemoteHost {
    /// The host that the configuration names, which clients know as `public`.
    ///
    /// # Errors
    /// When one of its names cannot be sent.
    pub fn new(
        remote: &Remote,
        public: &Origin,
        tls: Option<&UpstreamTls>,
    ) -> Result<Self, RemoteError> {
        let header = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| RemoteError::Header(text.to_owned()))
        };
        let address = Rc::new(Address::new(remote, tls)?);
        Ok(Self {
            origin: remote.origin.clone(),
            public: public.clone(),
            host: header(&remote.host)?,
            public_host: header(&public.authority)?,
            teller: Teller::new(&remote.identity)
                .ok_or_else(|| RemoteError::Header("the identity".to_owned()))?,
            tokens: Pool::new(&address, remote.pool_idle),
            people: Pool::new(&address, remote.pool_idle),
            address,
        })
    }

    pub(super) fn teller(&self) -> &Teller {
        &self.teller
    }

    pub(super) async fn send(
        &self,
        passage: Passage<'_>,
        mut request: Box<Outbound>,
        idle: Duration,
    ) -> Result<Response<Body>, ForwardError> {
        let meter = Rc::clone(&request.meter);
        // What it waited for its slot is not the host's silence.
        let now = meter.saw();
        let limit = request.body.limit();
        let first = self.request(passage, &mut request)?;
        let again = || self.request(passage, &mut request);
        let pool = if passage.is_person() { &self.people } else { &self.tokens };
        let sent = unless_idle(pin!(exchange(pool, now, first, again)), &meter, idle).await;
        let (response, lease) = match (sent, meter.upload()) {
            (Some(Ok(answer)), _) => answer,
            (_, UploadState::Broken) => return Err(ForwardError::Client),
            (_, UploadState::Stalled) => return Err(ForwardError::Stalled),
            (_, UploadState::TooLarge) => return Err(ForwardError::TooLarge(limit)),
            (Some(Err(error)), _) => return Err(error),
            (None, _) => return Err(ForwardError::Silent),
        };
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(ForwardError::ProxyWanted);
        }
        if response.status().is_informational() {
            // Upgrades are never sent on, so none was accepted; handed on, it would end the client's
            // connection without an answer.
            return Err(ForwardError::Switched);
        }
        let (mut parts, body) = response.into_parts();
        // The version is of the connection to the host, not of the one to the client.
        parts.version = Version::HTTP_11;
        let secrets = self.teller.secrets(passage.credential());
        let mut body = Body::Relay(Box::new(Relay::new(body, lease, meter, idle, request.slot)));
        if parts.status == StatusCode::UNAUTHORIZED
            && let Passage::Permitted { permit, credential } = passage
        {
            let nobody = *permit.traveller() == Traveller::Nobody;
            let denied =
                if nobody { None } else { permission::denied(&parts, body, secrets).await };
            let Some(read) = denied else { return Err(self.refused(permit, credential)) };
            parts.status = StatusCode::FORBIDDEN;
            body = Body::Ready(Full::new(read));
        }
        self.judge(passage, &mut parts)?;
        headers::inbound(&mut parts.headers, secrets, passage.is_person());
        Ok(Response::from_parts(parts, body))
    }

    /// Opens a connection as a request would, and says nothing on it.
    ///
    /// # Errors
    /// When none can be opened in time.
    pub async fn reach(&self) -> Result<(), ForwardError> {
        self.address.reach().await
    }

    /// Asks the host what it says to a person's credential: one GET on a connection of its own, with no
    /// header of the client's. `path` is below the path of the host's URL.
    ///
    /// # Errors
    /// When no answer comes in time, or none that says anything about the credential.
    pub async fn prove(
        &self,
        path: &str,
        authorization: HeaderValue,
        timeout: Duration,
    ) -> Result<Proof, ForwardError> {
        let target = format!("{}{path}", self.origin.prefix);
        let request = proof::request(&target, &self.host, authorization)?;
        proof::ask(&self.address, request, timeout).await
    }

    /// What goes upstream: the bytes of the target as they were judged, the headers cleaned, and only then
    /// ours. It takes the body: made once more, a request has none.
    fn request(
        &self,
        passage: Passage<'_>,
        request: &mut Outbound,
    ) -> Result<Request<Upload>, ForwardError> {
        let mut target = http::uri::Parts::default();
        target.path_and_query = request.target.path_and_query().cloned();
        let identity = self.teller.header();
        let person = passage.is_person();
        let mut sent = headers::outbound(&request.headers, identity, person);
        sent.insert(HOST, self.host.clone());
        sent.insert(headers::REQUEST_ID, request.id.clone());
        let sends = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        if request.body.length() == Some(0) && sends {
            // hyper leaves it out, and some hosts want a length with every one of these.
            sent.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        sent.insert(FORWARDED_HOST, self.public_host.clone());
        let proto = if self.public.https { "https" } else { "http" };
        sent.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
        if let Some(client) = request.client {
            let mut text = Vec::with_capacity(40);
            client::write_address(&mut text, client);
            let client = HeaderValue::try_from(text);
            sent.insert(FORWARDED_FOR, client.map_err(|_| ForwardError::Unsendable)?);
        }
        if let Passage::Permitted { permit, credential } = passage {
            sent.remove(AUTHORIZATION);
            self.teller.tell(&mut sent, permit, credential)?;
            // What the host itself gave for this request counts more than what it is told otherwise.
            for (name, value) in &request.besides {
                sent.insert(name, value.clone());
            }
        }
        let target = Uri::from_parts(target).map_err(|_| ForwardError::Unsendable)?;
        let mut made = Request::new(request.body.take());
        *made.method_mut() = request.method.clone();
        *made.uri_mut() = target;
        *made.headers_mut() = sent;
        Ok(made)
    }

    /// Answers that may not be handed on as they are: the host's own challenge, and redirects.
    fn judge(
        &self,
        passage: Passage<'_>,
        parts: &mut http::response::Parts,
    ) -> Result<(), ForwardError> {
        if let Passage::Permitted { permit, .. } = passage {
            let nobody = *permit.traveller() == Traveller::Nobody;
            match parts.status {
                // Hosts hide what is not public in many ways. Git sends its credential only after a
                // challenge, so that nobody is asked for one.
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if nobody => {
                    return Err(ForwardError::NotPublic);
                }
                _ => {}
            }
        }
        let mut locations = parts.headers.get_all(LOCATION).iter();
        let Some(location) = locations.next() else { return Ok(()) };
        if locations.next().is_some() && !passage.is_person() {
            // Which of them a client follows is up to the client.
            return Err(ForwardError::Redirect);
        }
        let created = !parts.status.is_redirection();
        let judged = location
            .to_str()
            .map_or(Location::Elsewhere, |l| location::judge(l, &self.origin, &self.public));
        match (judged, passage) {
            (Location::Rewritten(ours), _) => {
                let value = HeaderValue::try_from(ours).map_err(|_| ForwardError::Redirect)?;
                parts.headers.insert(LOCATION, value);
            }
            // People follow their host to wherever they log in.
            (Location::Keep, _) | (_, Passage::Person) => {}
            // It was done, and this says where it is: no client goes there by itself.
            _ if created => {
                parts.headers.remove(LOCATION);
            }
            (Location::Login, Passage::Permitted { permit, .. })
                if *permit.traveller() == Traveller::Nobody =>
            {
                return Err(ForwardError::NotPublic);
            }
            (Location::Login, Passage::Permitted { permit, credential }) => {
                let who = self.teller.name(permit, credential);
                let who = who.unwrap_or_else(|| "this request".to_owned());
                return Err(ForwardError::LoginPage(who));
            }
            (Location::Elsewhere, Passage::Permitted { .. }) => return Err(ForwardError::Redirect),
        }
        Ok(())
    }

    fn refused(&self, permit: &Permit, credential: Option<&UpstreamCredential>) -> ForwardError {
        match (permit.traveller(), self.teller.name(permit, credential)) {
            (Traveller::Nobody, _) => ForwardError::NotPublic,
            (_, Some(name)) => ForwardError::NameRefused(name),
            (_, None) if self.teller.is_silent() => ForwardError::CredentialWanted,
            (_, None) => ForwardError::CredentialRefused,
        }
    }
}
