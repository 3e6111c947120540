//! The programs that run: how many there may be, how they end, and what becomes of those that nobody
//! waits for any more.

use rustix::process::{Pid, Signal, kill_process_group};
use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::mpsc;

/// The most programs that one worker has running. Each holds three pipes and, for a fetch, the memory
/// that packing takes; a machine that runs out of either serves nobody.
const MOST: usize = 64;
/// How long a program that was told to end may take to put its locks and temporary files away.
const GRACE: Duration = Duration::from_secs(10);

/// The room that one worker's programs have.
pub(super) struct Room {
    taken: Rc<Cell<usize>>,
    left: mpsc::UnboundedSender<Left>,
}

/// A place in it.
pub(super) struct Seat(Rc<Cell<usize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A program that nobody waits for any more, with the seat that it has until it ends.
struct Left {
    child: Child,
    _seat: Seat,
    /// It was told to end.
    told: bool,
    /// How long it may go on when it was not, and nobody waits for it any more.
    idle: Duration,
}

impl Room {
    /// The room of the worker whose thread this is.
    pub(super) fn open() -> Self {
        let (left, mut leaving) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            while let Some(program) = leaving.recv().await {
                tokio::task::spawn_local(see_out(program));
            }
        });
        Self { taken: Rc::default(), left }
    }

    /// A place for one more, if there is one.
    pub(super) fn seat(&self) -> Option<Seat> {
        (self.taken.get() < MOST).then(|| {
            self.taken.set(self.taken.get() + 1);
            Seat(Rc::clone(&self.taken))
        })
    }

    /// A program that has just been started. One that `changes` something may finish when nobody waits
    /// for it any more, within the time `idle`: its hooks are not shot in the middle.
    pub(super) fn watch(&self, child: Child, seat: Seat, changes: bool, idle: Duration) -> Running {
        let program = Some(Left { child, _seat: seat, told: false, idle });
        Running { program, left: self.left.clone(), changes }
    }
}

/// A running program. Whoever drops it before its end no longer wants what it says.
pub(super) struct Running {
    program: Option<Left>,
    left: mpsc::UnboundedSender<Left>,
    changes: bool,
}

impl Running {
    /// Ends the program and everything that it started.
    pub(super) fn end(&mut self) {
        if let Some(program) = &mut self.program {
            program.told = true;
            signal(&program.child, Signal::TERM);
        }
    }

    /// Waits for its end. `None`: it had ended before.
    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<ExitStatus>>> {
        let Some(program) = &mut self.program else { return Poll::Ready(None) };
        let status = ready!(pin!(program.child.wait()).poll(cx));
        self.program = None;
        Poll::Ready(Some(status))
    }

    /// Nobody waits for it any more, but it may come to its end.
    pub(super) fn may_finish(&mut self) {
        self.changes = true;
    }

    /// Whether its end was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.program.is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.changes {
            self.end();
        }
        if let Some(program) = self.program.take() {
            // A worker that stops sees nobody out any more.
            let _ = self.left.send(program);
        }
    }
}

/// Keeps the seat until the program has ended, and sees to it that one that was told to does.
async fn see_out(mut program: Left) {
    if !program.told {
        if tokio::time::timeout(program.idle, program.child.wait()).await.is_ok() {
            return;
        }
        signal(&program.child, Signal::TERM);
    }
    if tokio::time::timeout(GRACE, program.child.wait()).await.is_err() {
        signal(&program.child, Signal::KILL);
    }
    // Its status concerns nobody.
    let _ = program.child.wait().await;
}

/// Signals the program and everything that it started.
fn signal(child: &Child, signal: Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = id.and_then(Pid::from_raw) {
        // It may have ended on its own in this moment.
        let _: Result<(), _> = kill_process_group(group, signal);
    }
}
