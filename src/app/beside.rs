//! What is served beside the public address, in threads of its own: the operations address and the plain
//! port.

use super::operations::{self, Desk};
use super::redirect::{self, Turnpike};
use crate::server::Bound;
use std::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// It is opened once the public address is served, and ended last.
pub(super) struct Beside {
    handed: CancellationToken,
    opening: Vec<Sender<()>>,
    operations: Option<(operations::Running, CancellationToken)>,
    redirect: Option<redirect::Running>,
}

impl Beside {
    /// Nothing yet. `handed` is cancelled when another process serves.
    pub(super) fn new(handed: CancellationToken) -> Self {
        Self { handed, opening: Vec::new(), operations: None, redirect: None }
    }

    /// Serves the operations address, where there is one. While transfers drain, operators still want to
    /// know how many are left: it ends with [`Beside::end`]. When another process serves, they want to hear
    /// from that one, and from one only.
    pub(super) fn operations(
        &mut self,
        listeners: Vec<Bound>,
        desk: impl FnOnce(Vec<Bound>, Receiver<()>, CancellationToken) -> Desk,
    ) {
        let closing = self.handed.child_token();
        if let Some(opened) = self.announced(&listeners, "operations") {
            let desk = desk(listeners, opened, closing.clone());
            self.operations = Some((operations::start(desk), closing));
        }
    }

    /// Serves the plain port, where there is one. It ends with the public address.
    pub(super) fn redirect(
        &mut self,
        listeners: Vec<Bound>,
        turnpike: impl FnOnce(Vec<Bound>, Receiver<()>) -> Turnpike,
    ) {
        if let Some(opened) = self.announced(&listeners, "redirecting") {
            self.redirect = Some(redirect::start(turnpike(listeners, opened)));
        }
    }

    fn announced(&mut self, listeners: &[Bound], what: &str) -> Option<Receiver<()>> {
        for listener in listeners {
            tracing::info!(pid = std::process::id(), address = %listener, "{what}");
        }
        let (open, opened) = mpsc::channel();
        (!listeners.is_empty()).then(|| {
            self.opening.push(open);
            opened
        })
    }

    /// Those who tell them that the public address is served; without a word they never begin.
    pub(super) fn opening(&mut self) -> Vec<Sender<()>> {
        std::mem::take(&mut self.opening)
    }

    /// Ends them.
    pub(super) fn end(self) {
        if let Some(redirect) = self.redirect {
            redirect.join();
        }
        if let Some((operations, closing)) = self.operations {
            closing.cancel();
            operations.join();
        }
    }
}
