//! One connection: TLS if there is any, then HTTP/1.1 or HTTP/2, until it ends or drains.

use super::impatient::Impatient;
use super::listener::Accepted;
use super::streams::{Lull, Streams, Watched};
use super::worker::Setting;
use super::{Fault, Peer, Service};
use futures_util::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

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

pub(super) async fn serve<S: Service>(
    stream: Accepted,
    peer: Peer,
    service: Rc<S>,
    setting: &Setting,
) {
    // A stream that cannot be made part of this runtime is dropped: the client sees it closed.
    match stream {
        Accepted::Tcp(stream) => {
            if let Ok(stream) = TcpStream::from_std(stream) {
                secure(stream, peer, service, setting).await;
            }
        }
        Accepted::Unix(stream) => {
            if let Ok(stream) = UnixStream::from_std(stream) {
                http1(stream, peer, service, setting).await;
            }
        }
    }
}

async fn secure<S: Service>(stream: TcpStream, peer: Peer, service: Rc<S>, setting: &Setting) {
    let Some(certificates) = &setting.tls else {
        return http1(stream, peer, service, setting).await;
    };
    let handshake = certificates.acceptor().accept(stream);
    let handshake = tokio::time::timeout(setting.limits.load().header_timeout, handshake);
    let done = tokio::select! {
        biased;
        // Who has said nothing yet has nothing to lose.
        () = setting.stop.cancelled() => return,
        done = handshake => done,
    };
    match done {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            http2(stream, peer, service, setting).await;
        }
        Ok(Ok(stream)) => http1(stream, peer, service, setting).await,
        Ok(Err(error)) => certificates.failed(Some(&error)),
        Err(_elapsed) => certificates.failed(None),
    }
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
    let io = TokioIo::new(Impatient::new(io, limits.idle_timeout));
    let connection = builder.serve_connection(io, handler);
    let drain = http1::Connection::graceful_shutdown;
    until_drained(pin!(connection), drain, setting).await;
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
    let drain = http2::Connection::graceful_shutdown;
    let (header, idle) = (limits.header_timeout, limits.idle_timeout);
    let lull = tokio::select! {
        biased;
        () = until_drained(connection.as_mut(), drain, setting) => return,
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
            () = until_drained(connection.as_mut(), drain, setting) => return,
            _ = streams.lull(quiet, idle) => {}
        }
    }
    tracing::debug!(?lull, "connection given up");
}

async fn answer<S: Service>(
    service: Rc<S>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Response<S::Body>, Infallible> {
    let called = AssertUnwindSafe(service.call(peer, request)).catch_unwind().await;
    Ok(called.unwrap_or_else(|_| service.crashed()))
}

/// Runs a connection to its end; when the server stops, to the end of what it is doing.
async fn until_drained<C>(
    mut connection: std::pin::Pin<&mut C>,
    drain: impl Fn(std::pin::Pin<&mut C>),
    Setting { stop, faults, .. }: &Setting,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            drain(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        let kind = Fault::of(&error);
        faults.note(kind);
        tracing::debug!(%error, kind = kind.name(), "connection ended");
    }
}

/// Spawns the tasks of an HTTP/2 connection on the worker that it belongs to.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
