//! One worker: a thread, its runtime, its service, its connections.

use super::connections::Open;
use super::listener::Accepted;
use super::turned_away::Doorman;
use super::{BoxError, Faults, Limits, Peer, Pulse, Service, connection, date, tls};
use arc_swap::ArcSwap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A connection on its way to a worker.
pub(super) struct Handed {
    pub(super) stream: Accepted,
    pub(super) peer: Peer,
    pub(super) open: Open,
}

/// What every worker is given.
pub(super) struct Setting {
    pub(super) limits: Arc<ArcSwap<Limits>>,
    pub(super) faults: Arc<Faults>,
    pub(super) tls: Option<tls::Certificates>,
    pub(super) stop: CancellationToken,
    pub(super) pulse: Pulse,
}

/// The way to a worker, for the thread that accepts.
pub(super) struct Handle {
    queue: mpsc::UnboundedSender<(Handed, Load)>,
    load: Arc<AtomicUsize>,
}

impl Handle {
    /// Connections that it has, those on their way included.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn hand(&self, connection: Handed) {
        self.load.fetch_add(1, Ordering::Relaxed);
        // A worker that has stopped drops the connection, and with it its count.
        let _ = self.queue.send((connection, Load(Arc::clone(&self.load))));
    }
}

struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A running worker.
pub(super) struct Worker {
    queue: mpsc::UnboundedSender<(Handed, Load)>,
    load: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start<S: Service>(
        name: String,
        setting: Setting,
        make: impl FnOnce() -> Result<S, BoxError> + Send + 'static,
    ) -> Result<Self, BoxError> {
        let (tell, told) = std::sync::mpsc::channel();
        let (queue, connections) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
            // Whoever starts workers waits to be told.
            let begin = async {
                match date::begin().await.and_then(|()| make()) {
                    Ok(service) => {
                        let member = setting.pulse.join(&name);
                        let _ = tell.send(Ok(()));
                        serve(&Rc::new(service), connections, &Rc::new(setting)).await;
                        member.leave();
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error));
                    }
                }
            };
            match super::local_runtime() {
                Ok(runtime) => runtime.block_on(begin),
                Err(error) => {
                    let _ = tell.send(Err(error.into()));
                }
            }
        })?;
        told.recv().map_err(|_| "a worker ended before it began")??;
        Ok(Self { queue, load: Arc::default(), thread })
    }

    pub(super) fn handle(&self) -> Handle {
        Handle { queue: self.queue.clone(), load: Arc::clone(&self.load) }
    }

    pub(super) fn join(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("a worker crashed");
        }
    }
}

async fn serve<S: Service>(
    service: &Rc<S>,
    mut queue: mpsc::UnboundedReceiver<(Handed, Load)>,
    setting: &Rc<Setting>,
) {
    let mut connections = JoinSet::new();
    let doorman = Rc::<Doorman>::default();
    loop {
        let handed = tokio::select! {
            biased;
            // Ended connections are let go of as they end.
            Some(_) = connections.join_next() => continue,
            handed = queue.recv() => handed,
            () = setting.stop.cancelled() => None,
        };
        let Some((handed, load)) = handed else { break };
        let (service, setting) = (Rc::clone(service), Rc::clone(setting));
        let doorman = Rc::clone(&doorman);
        connections.spawn_local(async move {
            let _counted = load;
            connection::serve(handed, service, &setting, &doorman).await;
        });
    }
    queue.close();
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(setting.limits.load().drain_timeout, drained).await.is_err() {
        tracing::warn!("transfers still running at the end of drain_timeout are cut");
    }
}
