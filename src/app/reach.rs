//! What is to be said about sockets that were passed, once they are known: `check` warns of the addresses
//! that the configuration itself names.

use crate::config::Config;
use crate::server::{Bound, Inherited};

/// Warns of what others reach, and of what nobody asked for.
pub(super) fn warn(config: &Config, public: &[Bound], operations: &[Bound], rest: &Inherited) {
    for socket in public.iter().filter(|socket| config.server.tls.is_none() && is_far(socket)) {
        tracing::warn!(
            address = %socket,
            "tokens and passwords reach this address unencrypted, unless something in front of it ends \
             TLS: set `tls_cert` and `tls_key`, or let the .socket unit listen on a loopback address"
        );
    }
    for socket in operations.iter().filter(|socket| is_far(socket)) {
        tracing::warn!(
            address = %socket,
            "whoever reaches this address reads the metrics without a credential; let the .socket unit \
             listen on a loopback address or a Unix socket"
        );
    }
    for socket in rest.rest() {
        let name = socket.asked().to_string();
        if socket.is_passed() {
            tracing::warn!(
                socket = name,
                "this socket was passed by the service manager, but no `listen` asks for it: nobody serves it"
            );
        } else {
            tracing::info!(pid = std::process::id(), address = name, "not listened on any more");
        }
    }
}

/// Whether it was passed, and others than this machine reach it.
fn is_far(socket: &Bound) -> bool {
    let address = socket.tcp_address().filter(|_| socket.is_passed());
    address.is_some_and(|address| !address.ip().to_canonical().is_loopback())
}
