//! Accepting, in one thread, and handing out to the worker with the fewest connections.

use super::listener::Listening;
use super::worker::{Handed, Handle};
use super::{Bound, Connections};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long to wait when the system has no more file descriptors or memory for a connection.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Accepts until `stop` is cancelled.
pub(super) fn run(
    listeners: Vec<Bound>,
    workers: Vec<Handle>,
    connections: &Arc<Connections>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let workers = Rc::new(workers);
    super::local_runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for listener in listeners {
            let (workers, connections) = (Rc::clone(&workers), Arc::clone(connections));
            let stop = stop.clone();
            tasks.spawn_local(async move {
                let name = listener.to_string();
                match listener.listen() {
                    Ok(listening) => accept(&listening, &workers, &connections, &stop).await,
                    Err(error) => tracing::error!(%error, address = name, "cannot accept"),
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
    Ok(())
}

async fn accept(
    listener: &Listening,
    workers: &[Handle],
    connections: &Arc<Connections>,
    stop: &CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                hand_out(workers, Handed { stream, peer, open: connections.begin() });
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection; trying again");
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
