//! Whose `X-Forwarded-For` is believed.

use crate::config::TrustedProxies;
use crate::config::read::Section;
use crate::domain::client;

/// Reads `server.trusted_proxies`.
pub(super) fn read(section: &mut Section<'_>) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for text in section.texts("trusted_proxies").unwrap_or_default() {
        if text.value == "unix" {
            trusted.unix = true;
            continue;
        }
        let Some(network) = client::network(text.value) else {
            let form = "an address, a network like \"10.0.0.0/8\", or \"unix\"";
            section.notes.error(text.place, format!("`trusted_proxies`: each is {form}"));
            continue;
        };
        if network.prefix_len() == 0 {
            let fault = "this trusts everybody: any client can claim any address, \
                         and the `from` limits of tokens hold nobody";
            section.notes.warning(text.place, format!("`trusted_proxies`: {fault}"));
        }
        trusted.networks.push(network);
    }
    trusted
}
