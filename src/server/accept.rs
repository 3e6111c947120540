//! Accepting, in one thread, and handing out to the worker with the fewest connections.

use super::listener::Listening;
use super::pulse::Member;
use super::turned_away::Doorman;
use super::worker::{Handed, Handle};
use super::{Bound, Connections, Limits};
use arc_swap::ArcSwap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long to wait when the system has no more file descriptors or memory for a connection.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);
/// How often that is said while it lasts.
const COMPLAINT: Duration = Duration::from_mins(1);

/// Who comes in, and where they go.
pub(super) struct Door {
    pub(super) workers: Vec<Handle>,
    pub(super) connections: Arc<Connections>,
    pub(super) limits: Arc<ArcSwap<Limits>>,
    /// Whether who comes by TCP wants TLS.
    pub(super) tls: bool,
    pub(super) doorman: Doorman,
}

/// Accepts until `stop` is cancelled. `join` is called in the runtime of this thread.
pub(super) fn run(
    listeners: Vec<Bound>,
    door: Door,
    stop: &CancellationToken,
    join: impl FnOnce() -> Member,
) -> io::Result<()> {
    let door = Rc::new(door);
    super::local_runtime()?.block_on(async {
        let member = join();
        let mut tasks = tokio::task::JoinSet::new();
        for listener in listeners {
            let (door, stop) = (Rc::clone(&door), stop.clone());
            tasks.spawn_local(async move {
                let name = listener.to_string();
                match listener.listen() {
                    Ok(listening) => accept(&listening, &door, &stop).await,
                    Err(error) => tracing::error!(%error, address = name, "cannot accept"),
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        member.leave();
    });
    Ok(())
}

async fn accept(listener: &Listening, door: &Door, stop: &CancellationToken) {
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match door.connections.admit(peer, &door.limits.load()) {
                Ok(open) => hand_out(&door.workers, Handed { stream, peer, open }),
                Err(why) => door.doorman.turn_away(stream, why, door.tls),
            },
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                if complained.is_none_or(|last| last.elapsed() >= COMPLAINT) {
                    complained = Some(Instant::now());
                    tracing::error!(%error, "cannot accept a connection; trying again");
                }
                tokio::time::sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

/// Whether the error is that of a client which left before it was accepted.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn hand_out(workers: &[Handle], connection: Handed) {
    if let Some(worker) = workers.iter().min_by_key(|worker| worker.load()) {
        worker.hand(connection);
    }
}
