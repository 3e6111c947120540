//! Whose `X-Forwarded-For`, and whose PROXY header, is believed.

use crate::config::TrustedProxies;
use crate::config::read::{Found, Section};
use crate::domain::client;
use ipnet::IpNet;

/// Reads `trusted_proxies` and `proxy_protocol`. `open`: every user of the machine may connect to a Unix
/// socket of ours.
pub(super) fn read(section: &mut Section<'_>, open: bool) -> (TrustedProxies, TrustedProxies) {
    let trusted = entries(section, "trusted_proxies");
    let proxies = entries(section, "proxy_protocol");
    for (key, entries) in [("trusted_proxies", &trusted), ("proxy_protocol", &proxies)] {
        for entry in entries.iter().filter(|entry| open && entry.value.is_none()) {
            let text = format!(
                "`{key}`: \"unix\" is whoever connects to a Unix socket, and by `unix_mode` that is every user \
                 of this machine: any of them can claim any address; let a group alone connect (`unix_group` \
                 with a mode of \"0660\")"
            );
            section.notes.warning(entry.place, text);
        }
    }
    for entry in &proxies {
        if trusted.iter().any(|trusted| meet(trusted.value, entry.value)) {
            let text = "`proxy_protocol`: some of these are in `trusted_proxies` too. Where their PROXY header \
                        names nobody (UNKNOWN, LOCAL), the X-Forwarded-For that the client itself wrote is \
                        believed: list in `trusted_proxies` only who writes that header";
            section.notes.warning(entry.place, text);
        }
    }
    (list(&trusted), list(&proxies))
}

/// The entries of a list; `None` is every peer on a Unix socket.
fn entries(section: &mut Section<'_>, key: &'static str) -> Vec<Found<Option<IpNet>>> {
    let mut entries = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        if text.value == "unix" {
            entries.push(text.with(None));
            continue;
        }
        let Some(network) = client::network(text.value) else {
            let form = "an address, a network like \"10.0.0.0/8\", or \"unix\"";
            section.notes.error(text.place, format!("`{key}`: each is {form}"));
            continue;
        };
        if network.prefix_len() == 0 {
            let fault = "this trusts everybody: any client can claim any address, \
                         and the `from` limits of tokens hold nobody";
            section.notes.warning(text.place, format!("`{key}`: {fault}"));
        }
        entries.push(text.with(Some(network)));
    }
    entries
}

/// Whether somebody may be in both.
fn meet(one: Option<IpNet>, other: Option<IpNet>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.contains(&other) || other.contains(&one),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn list(entries: &[Found<Option<IpNet>>]) -> TrustedProxies {
    TrustedProxies {
        networks: entries.iter().filter_map(|entry| entry.value).collect(),
        unix: entries.iter().any(|entry| entry.value.is_none()),
    }
}
