//! Whose `X-Forwarded-For` is believed.

use crate::config::TrustedProxies;
use crate::config::read::Section;
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// Bits of an IPv6 address before a mapped IPv4 one (RFC 4291 section 2.5.5.2).
const MAPPED: u8 = 96;

/// Reads `server.trusted_proxies`.
pub(super) fn read(section: &mut Section<'_>) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for text in section.texts("trusted_proxies").unwrap_or_default() {
        if text.value == "unix" {
            trusted.unix = true;
            continue;
        }
        let Some(network) = parse(text.value) else {
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

/// Reads a network or an address. Peers are compared as IPv4 when they are mapped, so is this.
fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED => v6.addr().to_ipv4_mapped(),
        _ => None,
    };
    match mapped {
        Some(v4) => Ipv4Net::new(v4, network.prefix_len() - MAPPED).ok().map(IpNet::V4),
        None => Some(network),
    }
    .map(|network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let cases = [
            ("10.0.0.1", Some("10.0.0.1/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("::1", Some("::1/128")),
            ("fd00::/8", Some("fd00::/8")),
            ("::ffff:10.0.0.1", Some("10.0.0.1/32")),
            ("::ffff:0:0/96", Some("0.0.0.0/0")),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("proxy.example.com", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|n| n.to_string()).as_deref(), expected, "{text}");
        }
    }
}
