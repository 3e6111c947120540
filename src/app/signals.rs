//! SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reloads; SIGUSR2 restarts.

use crate::telemetry::log::SOON;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What signals do besides cancelling a token. Each returns soon.
pub(super) struct Reactions {
    /// SIGHUP.
    pub(super) reload: Box<dyn Fn() + Send>,
    /// SIGUSR2.
    pub(super) restart: Box<dyn Fn() + Send>,
    /// The first SIGTERM or SIGINT, after the token was cancelled.
    pub(super) drain: Box<dyn Fn() + Send>,
}

/// Listens for signals in a thread of its own, from now on.
pub(super) fn watch(stop: CancellationToken, reactions: Reactions) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let kinds = [terminate, interrupt, SignalKind::hangup(), SignalKind::user_defined2()];
    let signals = {
        let _in = runtime.enter();
        kinds.map(signal)
    };
    let [terminate, interrupt, hangup, user] = signals;
    let signals =
        Signals { terminate: terminate?, interrupt: interrupt?, hangup: hangup?, user: user? };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(listen(signals, &stop, &reactions));
    })?;
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user: Signal,
}

async fn listen(mut signals: Signals, stop: &CancellationToken, reactions: &Reactions) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => {}
            _ = signals.interrupt.recv() => {}
            _ = signals.hangup.recv() => {
                (reactions.reload)();
                continue;
            }
            _ = signals.user.recv() => {
                (reactions.restart)();
                continue;
            }
        }
        if stop.is_cancelled() {
            tracing::warn!(
                pid = std::process::id(),
                "told to stop twice: not waiting for transfers any longer"
            );
            // For the line to be written; whoever stalls the log does not stall the end.
            std::thread::sleep(SOON);
            std::process::exit(1);
        }
        // First what was asked for, then the word about it.
        stop.cancel();
        (reactions.drain)();
        tracing::info!(pid = std::process::id(), "draining");
    }
}
