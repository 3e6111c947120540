//! SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reloads.

use crate::telemetry::log::SOON;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for signals in a thread of its own, from now on.
pub(super) fn watch(stop: CancellationToken, reload: impl Fn() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let signals = {
        let _in = runtime.enter();
        kinds.map(signal)
    };
    let [terminate, interrupt, hangup] = signals;
    let (terminate, interrupt, hangup) = (terminate?, interrupt?, hangup?);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(listen(terminate, interrupt, hangup, &stop, &reload));
    })?;
    Ok(())
}

async fn listen(
    mut terminate: Signal,
    mut interrupt: Signal,
    mut hangup: Signal,
    stop: &CancellationToken,
    reload: &impl Fn(),
) {
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {
                reload();
                continue;
            }
        }
        if stop.is_cancelled() {
            tracing::warn!("told to stop twice: not waiting for transfers any longer");
            // For the line to be written; whoever stalls the log does not stall the end.
            std::thread::sleep(SOON);
            std::process::exit(1);
        }
        // First what was asked for, then the word about it.
        stop.cancel();
        tracing::info!("draining");
    }
}
