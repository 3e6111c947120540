//! A person's credential, shown to the host to hear what it says to it.
//!
//! The request is ours from the first byte to the last, and goes by itself on a connection of its own:
//! nothing of what the client sent could change its meaning, and nobody else's request follows on it.

use super::pool::Address;
use super::{ForwardError, TlsFailure};
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
        .map_err(|error| match TlsFailure::late(&error) {
            Some(failure) => ForwardError::Tls(failure),
            None => ForwardError::Protocol(error),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Identity, Origin, Remote};
    use crate::forward::{RemoteError, RemoteHost};
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn host(address: SocketAddr, https: bool) -> Result<RemoteHost, RemoteError> {
        let origin = Origin {
            https,
            host: address.ip().to_string(),
            port: address.port(),
            authority: address.to_string(),
            prefix: "/git".to_owned(),
        };
        let remote = Remote {
            health_interval: None,
            origin: origin.clone(),
            host: "git.internal".to_owned(),
            connect_timeout: PATIENCE,
            pool_idle: PATIENCE,
            tls: crate::config::tls::HostFiles { ca: None, system_roots: true, client: None },
            identity: Identity::None,
        };
        RemoteHost::new(&remote, &origin, None)
    }

    #[test]
    fn nothing_is_sent_in_the_clear_to_an_https_url() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        assert!(matches!(host(address, true), Err(RemoteError::NoTls(_))));
        assert!(host(address, false).is_ok());
    }

    /// Asks a host that gives this answer; what it was sent, and what came of it.
    async fn asked(
        answer: &'static str,
        timeout: Duration,
    ) -> (String, Result<Proof, ForwardError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = host(listener.local_addr().unwrap(), false).unwrap();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                // Silent until the other side gives up.
                let _ = stream.read(&mut [0]).await;
            }
            String::from_utf8(head).unwrap()
        };
        let credential = HeaderValue::from_static("Basic YWxpY2U6c2VjcmV0");
        let (head, proof) = tokio::join!(serving, host.prove("/api/v1/user", credential, timeout));
        (head, proof)
    }

    #[tokio::test]
    async fn the_request_is_ours_alone() {
        let (head, _) = asked("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", PATIENCE).await;
        let expected = format!(
            "GET /git/api/v1/user HTTP/1.1\r\nhost: git.internal\r\nauthorization: Basic \
             YWxpY2U6c2VjcmV0\r\nuser-agent: gitlatch/{}\r\naccept: */*\r\nconnection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(head, expected);
    }

    #[tokio::test]
    async fn what_hosts_answer() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nX-AUSERNAME: Alice\r\nContent-Length: 0\r\n\r\n", "200 Alice"),
            ("HTTP/1.1 204 No Content\r\n\r\n", "204 -"),
            // The body is not waited for.
            ("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{", "200 -"),
            (
                "HTTP/1.1 200 OK\r\nX-AUSERNAME: a\r\nX-AUSERNAME: b\r\nContent-Length: 0\r\n\r\n",
                "200 -",
            ),
            ("HTTP/1.1 200 OK\r\nX-AUSERNAME:\r\nContent-Length: 0\r\n\r\n", "200 -"),
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "401 -"),
            ("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", "302 -"),
            ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "503 -"),
            (
                "HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n",
                "the upstream asks for proxy authentication",
            ),
            (
                "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                "the upstream did not answer properly: it switches protocols",
            ),
            ("SSH-2.0-x\r\n\r\n", "the upstream did not answer properly"),
            ("HTTP/1.1 200", "the upstream did not answer properly"),
        ];
        for (answer, expected) in cases {
            let said = match asked(answer, PATIENCE).await.1 {
                Ok(Proof { status, user }) => {
                    format!("{} {}", status.as_u16(), user.as_deref().unwrap_or("-"))
                }
                Err(error) => error.to_string(),
            };
            assert_eq!(said, expected, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_host_that_says_nothing_is_an_error() {
        let (_, silent) = asked("", Duration::from_millis(50)).await;
        assert!(matches!(silent, Err(ForwardError::Silent)), "{silent:?}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = host(listener.local_addr().unwrap(), false).unwrap();
        drop(listener);
        let credential = HeaderValue::from_static("Basic YTpi");
        let nobody = host.prove("/", credential, PATIENCE).await;
        assert!(matches!(nobody, Err(ForwardError::Connect(_))), "{nobody:?}");
    }
}
