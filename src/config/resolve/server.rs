//! `[server]`: where it listens, what it is called, and TLS.

use super::{listen, networks, origin, tls, unix};
use crate::config::read::{Found, Section};
use crate::config::{Listen, Origin, Server};

/// Most worker threads. More is a slip of the hand.
const MOST_THREADS: u64 = 1024;

/// The section, and what rules about other sections need to know of it.
pub(super) struct Draft {
    /// The section, when nothing in it is wrong.
    pub(super) server: Option<Server>,
    /// The addresses, with their places.
    pub(super) listen: Vec<Found<Listen>>,
    /// The public address, with its place.
    pub(super) public_url: Option<Found<Origin>>,
    /// What it says of TLS, of which `server` knows nothing yet.
    pub(super) tls: tls::Draft,
}

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>) -> Draft {
    let listen = listen::server(section);
    let public_url = section.parsed("public_url", origin::parse);
    let tls = tls::read(section);
    check_reach(section, &listen);
    let tls_set = section.set("tls_cert").is_some() && section.set("tls_key").is_some();
    let redirect = listen::redirect(section, &listen, public_url.as_ref(), tls_set);
    let redirect_listen = redirect.iter().map(|found| found.value.clone()).collect();
    let server = rest(section, &listen, public_url.as_ref(), redirect_listen);
    let listen = listen.into_iter().chain(redirect).collect();
    Draft { server, listen, public_url, tls }
}

fn rest(
    section: &mut Section<'_>,
    listen: &[Found<Listen>],
    public_url: Option<&Found<Origin>>,
    redirect_listen: Vec<Listen>,
) -> Option<Server> {
    let tls_poll = tls::poll(section);
    let unix = unix::read(section);
    let ours = listen.iter().any(|found| matches!(found.value, Listen::Unix(_)));
    let open = ours && unix.is_some_and(unix::is_open);
    let (trusted_proxies, proxy_protocol) = networks::read(section, open);
    let threads = section.whole("threads", 0..=MOST_THREADS);
    let drain_timeout = section.duration("drain_timeout");
    let header_timeout = section.duration("header_timeout");
    let idle_timeout = section.duration("idle_timeout");
    let max_body = section.whole("max_body", 1..=u64::MAX);
    Some(Server {
        listen: listen.iter().map(|found| found.value.clone()).collect(),
        unix: unix?,
        redirect_listen,
        proxy_protocol,
        public_url: public_url.map(|found| found.value.clone()),
        tls: None,
        tls_poll: tls_poll?,
        trusted_proxies,
        threads: usize::try_from(threads?.value).ok()?,
        drain_timeout: drain_timeout?.value,
        header_timeout: header_timeout?.value,
        idle_timeout: idle_timeout?.value,
        max_body: max_body.map(|found| found.value),
    })
}

/// Warns of addresses that others reach, as long as something is missing for them.
fn check_reach(section: &mut Section<'_>, listen: &[Found<Listen>]) {
    let plain = section.set("tls_cert").is_none() && section.set("tls_key").is_none();
    let mut reached = false;
    for found in listen {
        let Listen::Tcp(address) = &found.value else { continue };
        if listen::is_local(&found.value) {
            continue;
        }
        reached = true;
        if plain {
            let text = format!(
                "tokens and passwords reach {address} unencrypted, unless something in front of it \
                 ends TLS: set `tls_cert` and `tls_key`, or listen on a loopback address"
            );
            section.notes.warning(found.place, text);
        }
    }
    if reached && section.set("public_url").is_none() {
        let text = "`public_url` is missing: X-Forwarded-Host and redirects need the name that \
                    clients use";
        section.notes.warning(section.place(), text);
    }
}
