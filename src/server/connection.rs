//! One connection: TLS if there is any, then HTTP/1.1 or HTTP/2, until it ends or drains.

use super::connections::{Crowded, Open};
use super::impatient::Impatient;
use super::listener::Accepted;
use super::proxy_protocol::{self, Header};
use super::streams::{Lull, Streams, Watched};
use super::tls::Certificates;
use super::turned_away::Doorman;
use super::worker::{Handed, Setting};
use super::{Fault, OnThisThread, Peer, Service};
use futures_util::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

/// The most that one connection buffers in each direction: larger reads cost less for each byte, and
/// hyper grows towards it only while a stream flows.
const BUFFER: usize = 1024 * 1024;

/// HTTP/2: bytes that a client may send ahead of the service, for a stream and for a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// As many header lines fit on hyper's stack: more, or fewer, cost an allocation for each request.
const HEADERS: usize = 100;
/// HTTP/2: how often a silent client is asked whether it is still there. It has the idle time-out to
/// answer: its answer queues behind all that it is still being sent.
const PING_EVERY: Duration = Duration::from_mins(1);
/// How long a client that was accepted may still take to begin when the server is told to stop: for a
/// handshake, or the first byte of a request.
const AT_THE_END: Duration = Duration::from_secs(5);

pub(super) async fn serve<S: Service>(
    Handed { stream, peer, mut open }: Handed,
    service: Rc<S>,
    setting: &Setting,
    doorman: &Doorman,
) {
    // A stream that cannot be made part of this runtime is dropped: the client sees it closed.
    match stream {
        Accepted::Tcp(stream) => {
            let Ok(mut stream) = TcpStream::from_std(stream) else { return };
            match introduced(&mut stream, peer, &mut open, setting).await {
                Ok(peer) => secure(stream, peer, service, setting).await,
                Err(Unheard::Crowded(why)) if setting.tls.is_none() => {
                    doorman.tell(stream, Ok, why);
                }
                Err(_) => {}
            }
        }
        Accepted::Unix(stream) => {
            let Ok(mut stream) = UnixStream::from_std(stream) else { return };
            match introduced(&mut stream, peer, &mut open, setting).await {
                Ok(peer) => http1(stream, peer, service, setting).await,
                Err(Unheard::Crowded(why)) => doorman.tell(stream, Ok, why),
                Err(Unheard::Nobody) => {}
            }
        }
    }
}

/// Why a connection is not served.
enum Unheard {
    /// It did not say whose it is, or the server stops.
    Nobody,
    /// It is one too many.
    Crowded(Crowded),
}

/// Who it is that connects: the peer, or whom a proxy that may say so names before anything else.
async fn introduced<I>(
    stream: &mut I,
    peer: Peer,
    open: &mut Open,
    setting: &Setting,
) -> Result<Peer, Unheard>
where
    I: AsyncRead + Unpin,
{
    if open.is_introduced() {
        return Ok(peer);
    }
    let header_timeout = setting.limits.load().header_timeout;
    let header = tokio::time::timeout(header_timeout, proxy_protocol::read(stream));
    let read = tokio::select! {
        biased;
        read = header => read,
        () = hurry(&setting.stop) => return Err(Unheard::Nobody),
    };
    let named = match read {
        Ok(Ok(Header::Client(address))) => Peer { address: Some(address) },
        Ok(Ok(Header::Unix)) => Peer { address: None },
        // The proxy itself is many clients, or none.
        Ok(Ok(Header::Peer)) => return Ok(peer),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no PROXY header");
            setting.faults.note(Fault::ProxyProtocol);
            return Err(Unheard::Nobody);
        }
        Err(_elapsed) => {
            tracing::debug!(%peer, "no PROXY header in time");
            setting.faults.note(Fault::ProxyProtocol);
            return Err(Unheard::Nobody);
        }
    };
    open.introduce(named, &setting.limits.load()).map_err(Unheard::Crowded)?;
    Ok(named)
}

async fn secure<S: Service>(stream: TcpStream, peer: Peer, service: Rc<S>, setting: &Setting) {
    let Some(certificates) = &setting.tls else {
        return http1(stream, peer, service, setting).await;
    };
    // Each part apart from the others: a connection keeps room only for what it is doing, and one without
    // TLS for none of it.
    Box::pin(secured(stream, certificates, peer, service, setting)).await;
}

async fn secured<S: Service>(
    stream: TcpStream,
    certificates: &Certificates,
    peer: Peer,
    service: Rc<S>,
    setting: &Setting,
) {
    let handshake = Box::pin(certificates.acceptor().accept(stream));
    let handshake = tokio::time::timeout(setting.limits.load().header_timeout, handshake);
    let done = tokio::select! {
        biased;
        done = handshake => done,
        () = hurry(&setting.stop) => return,
    };
    match done {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            Box::pin(http2(stream, peer, service, setting)).await;
        }
        Ok(Ok(stream)) => Box::pin(http1(stream, peer, service, setting)).await,
        Ok(Err(error)) => certificates.failed(peer, Some(&error)),
        Err(_elapsed) => certificates.failed(peer, None),
    }
}

/// Ends a little while after the server was told to stop: whoever was accepted is served, and whoever
/// says nothing does not hold it up.
async fn hurry(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(AT_THE_END).await;
}

async fn http1<S: Service, I>(io: I, peer: Peer, service: Rc<S>, setting: &Setting)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let handler =
        hyper::service::service_fn(move |request| answer(Rc::clone(&service), peer, request));
    let limits = setting.limits.load_full();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(BUFFER)
        .max_header_size(limits.header_bytes as usize);
    if limits.headers != HEADERS {
        builder.max_headers(limits.headers);
    }
    let io = Impatient::new(io, limits.idle_timeout);
    let begun = io.begun();
    let connection = builder.serve_connection(TokioIo::new(io), handler);
    let drain = http1::Connection::graceful_shutdown;
    until_drained(pin!(connection), drain, &begun, setting).await;
}

async fn http2<S: Service, I>(io: I, peer: Peer, service: Rc<S>, setting: &Setting)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = setting.limits.load_full();
    let streams = Streams::new(limits.resets);
    let opened = Rc::clone(&streams);
    let handler = hyper::service::service_fn(move |request| {
        let (stream, service) = (opened.open(), Rc::clone(&service));
        async move {
            let answer = answer(service, peer, request).await;
            answer.map(|response| response.map(|body| Watched::new(body, stream)))
        }
    });
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .max_pending_accept_reset_streams(limits.resets)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(limits.idle_timeout)
        .serve_connection(TokioIo::new(Impatient::new(io, limits.idle_timeout)), handler);
    let mut connection = pin!(connection);
    // HTTP/2 has a beginning of its own, and hyper waits for it.
    let begun = Cell::new(true);
    let drain = http2::Connection::graceful_shutdown;
    let (header, idle) = (limits.header_timeout, limits.idle_timeout);
    let lull = tokio::select! {
        biased;
        () = until_drained(connection.as_mut(), drain, &begun, setting) => return,
        () = streams.flood() => {
            setting.faults.note(Fault::Flood);
            tracing::debug!("connection cut off: more streams were reset than ended");
            return;
        }
        lull = streams.lull(header, idle) => lull,
    };
    if lull == Lull::Quiet {
        // What the client still sends of a request that was answered, and a request on its way while
        // this is said, may go on. One that never asked for anything may not even have begun HTTP/2.
        drain(connection.as_mut());
        let quiet = if streams.begun() { idle } else { header };
        tokio::select! {
            biased;
            () = until_drained(connection.as_mut(), drain, &begun, setting) => return,
            _ = streams.lull(quiet, idle) => {}
        }
    }
    tracing::debug!(?lull, "connection given up");
}

/// Apart from the connection, which would keep room for it while nothing is asked.
fn answer<S: Service>(
    service: Rc<S>,
    peer: Peer,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Result<Response<S::Body>, Infallible>>>> {
    Box::pin(async move {
        let called = AssertUnwindSafe(service.call(peer, request)).catch_unwind().await;
        Ok(called.unwrap_or_else(|_| service.crashed()))
    })
}

/// Runs a connection to its end; when the server stops, to the end of what it is doing. `begun` is whether
/// anything has come on it.
async fn until_drained<C>(
    mut connection: Pin<&mut C>,
    drain: impl Fn(Pin<&mut C>),
    begun: &Cell<bool>,
    Setting { stop, faults, .. }: &Setting,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            if let Some(ended) = first_word(connection.as_mut(), begun).await {
                ended
            } else {
                drain(connection.as_mut());
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        let kind = Fault::of(&error);
        faults.note(kind);
        tracing::debug!(%error, kind = kind.name(), "connection ended");
    }
}

/// Runs a connection until something has come on it, for a little while: hyper would close one on which
/// nothing has, although its client may be just about to ask. What it ended with, if it did.
async fn first_word<C: Future>(
    mut connection: Pin<&mut C>,
    begun: &Cell<bool>,
) -> Option<C::Output> {
    let mut late = pin!(tokio::time::sleep(AT_THE_END));
    std::future::poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if begun.get() => Poll::Ready(None),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}
