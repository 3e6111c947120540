//! Whose `X-Forwarded-For`, and whose PROXY header, is believed.

use crate::config::TrustedProxies;
use crate::config::read::Section;
use crate::domain::client;

/// Reads a list of networks under this key.
pub(super) fn read(section: &mut Section<'_>, key: &'static str) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for text in section.texts(key).unwrap_or_default() {
        if text.value == "unix" {
            trusted.unix = true;
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
        trusted.networks.push(network);
    }
    trusted
}
