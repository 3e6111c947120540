//! The least that a proxy on hyper can be, built like gitlatch: one thread that accepts, and workers with a
//! runtime and upstream connections of their own. It authenticates nobody, judges nothing, records nothing
//! and waits for ever; it copies a request less the headers of the connection (RFC 9110 §7.6.1), and the
//! answer likewise. What gitlatch costs above this is what gitlatch does.
//!
//!     bare LISTEN UPSTREAM WORKERS [CERTIFICATE KEY]
//!
//! UPSTREAM is an address, or the word `sink`: then it is no proxy, but a server that reads what it is sent,
//! forgets it and answers 200. With a certificate and its key, both PEM, it speaks TLS, HTTP/1.1 and HTTP/2.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1 as client;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Sender = client::SendRequest<Incoming>;

/// As in gitlatch: what one connection buffers while a stream flows.
const BUFFER: usize = 1024 * 1024;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, workers, files @ ..] = arguments.as_slice() else {
        return Err("usage: bare LISTEN UPSTREAM|sink WORKERS [CERTIFICATE KEY]".into());
    };
    let upstream: Option<SocketAddr> = match upstream.as_str() {
        "sink" => None,
        address => Some(address.parse()?),
    };
    let tls = match files {
        [certificate, key] => Some(acceptor(certificate, key)?),
        _ => None,
    };
    let listener = TcpListener::bind(listen)?;
    let mut queues = Vec::new();
    for _ in 0..workers.parse()? {
        let (queue, connections) = unbounded_channel();
        let tls = tls.clone();
        std::thread::spawn(move || work(connections, upstream, tls.as_ref()));
        queues.push(queue);
    }
    let mut turns = queues.iter().cycle();
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        turns.next().ok_or("no workers")?.send(stream)?;
    }
}

fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, Failure> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn work(
    mut connections: UnboundedReceiver<std::net::TcpStream>,
    upstream: Option<SocketAddr>,
    tls: Option<&TlsAcceptor>,
) -> Result<(), std::io::Error> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let pool = Rc::new(Pool { upstream, unused: RefCell::default() });
    runtime.block_on(async {
        while let Some(stream) = connections.recv().await {
            let stream = TcpStream::from_std(stream)?;
            let (pool, tls) = (Rc::clone(&pool), tls.cloned());
            tokio::task::spawn_local(async move {
                let Some(tls) = tls else { return speak_http1(stream, pool).await };
                // A client that fails its handshake is its own affair.
                let Ok(stream) = tls.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    speak_http2(stream, pool).await;
                } else {
                    speak_http1(stream, pool).await;
                }
            });
        }
        Ok(())
    })
}

async fn speak_http1(io: impl AsyncRead + AsyncWrite + Unpin + 'static, pool: Rc<Pool>) {
    let service = service_fn(|request| answer(Rc::clone(&pool), request));
    let connection =
        http1::Builder::new().max_buf_size(BUFFER).serve_connection(TokioIo::new(io), service);
    // How a connection ends shows at the other end.
    let _ = connection.await;
}

async fn speak_http2(io: impl AsyncRead + AsyncWrite + Unpin + 'static, pool: Rc<Pool>) {
    let service = service_fn(move |request| answer(Rc::clone(&pool), request));
    let connection = http2::Builder::new(OnThisThread)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .serve_connection(TokioIo::new(io), service);
    let _ = connection.await;
}

/// Spawns the tasks of an HTTP/2 connection on the worker that it belongs to.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

async fn answer(
    pool: Rc<Pool>,
    request: Request<Incoming>,
) -> Result<Response<Relayed>, Infallible> {
    let answered = match pool.upstream {
        Some(upstream) => pass(&pool, upstream, request).await,
        None => swallow(request).await,
    };
    Ok(answered.unwrap_or_else(|_| {
        let mut response = Response::new(Relayed { body: None, lease: None });
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }))
}

async fn swallow(request: Request<Incoming>) -> Result<Response<Relayed>, Failure> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(Response::new(Relayed { body: None, lease: None }))
}

async fn pass(
    pool: &Rc<Pool>,
    upstream: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Relayed>, Failure> {
    let (mut parts, body) = request.into_parts();
    if let Some(authority) = parts.uri.authority() {
        // HTTP/2 has the host there.
        parts.headers.insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    }
    let mut target = http::uri::Parts::default();
    target.path_and_query = parts.uri.into_parts().path_and_query;
    parts.uri = Uri::from_parts(target)?;
    parts.version = Version::HTTP_11;
    drop_hop_by_hop(&mut parts.headers);
    let mut sender = pool.take(upstream).await?;
    let response = sender.send_request(Request::from_parts(parts, body)).await?;
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_11;
    drop_hop_by_hop(&mut parts.headers);
    let lease = Some((sender, Rc::clone(pool)));
    let mut relayed = Relayed { body: Some(body), lease };
    relayed.give_back_at_the_end();
    Ok(Response::from_parts(parts, relayed))
}

/// The headers that are of one connection. hyper frames bodies anew by what it knows of them.
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    const NAMES: [HeaderName; 7] = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::CONNECTION,
    ];
    if let Some(named) = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()) {
        let named: Vec<String> = named.split(',').map(|name| name.trim().to_owned()).collect();
        for name in named {
            headers.remove(name.as_str());
        }
    }
    for name in NAMES {
        headers.remove(name);
    }
}

/// The unused connections of one worker.
struct Pool {
    upstream: Option<SocketAddr>,
    unused: RefCell<Vec<Sender>>,
}

impl Pool {
    async fn take(&self, upstream: SocketAddr) -> Result<Sender, Failure> {
        loop {
            let unused = self.unused.borrow_mut().pop();
            let Some(mut sender) = unused else { break };
            if sender.is_ready() || sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        let stream = TcpStream::connect(upstream).await?;
        stream.set_nodelay(true)?;
        let handshake = client::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        tokio::task::spawn_local(async move {
            // What goes wrong is told to the request that is under way.
            let _ = connection.await;
        });
        Ok(sender)
    }
}

/// An answer's body; at its end the connection it came on goes back to its pool.
struct Relayed {
    body: Option<Incoming>,
    lease: Option<(Sender, Rc<Pool>)>,
}

impl Relayed {
    fn give_back_at_the_end(&mut self) {
        if self.is_end_stream()
            && let Some((sender, pool)) = self.lease.take()
        {
            pool.unused.borrow_mut().push(sender);
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        self.give_back_at_the_end();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
