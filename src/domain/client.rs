//! Where a client is: its own address, or the one that a trusted proxy tells.

use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Whose `X-Forwarded-For` is believed; by default nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Peers in these networks.
    pub networks: Vec<IpNet>,
    /// Peers on a Unix socket.
    pub unix: bool,
}

/// Where somebody is, as far as it counts: addresses that one customer has for themselves are one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// One address.
    V4(Ipv4Addr),
    /// A network of /64, which one customer has for themselves, and all of its addresses.
    V6([u16; 4]),
    /// On this machine, without an address.
    Local,
}

impl Place {
    /// Where this address is; `None` is on a Unix socket. IPv4 in IPv6 is IPv4.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
            None => Self::Local,
        }
    }
}

/// An `X-Forwarded-For` of a trusted proxy that cannot be read (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("X-Forwarded-For holds something that is no address")]
pub struct ForwardedFault;

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether this is the other end of a trusted proxy's connection; `None` is a peer on a Unix socket.
    #[must_use]
    pub fn trust_peer(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |peer| self.trust(peer.to_canonical()))
    }

    /// The client's address. `peer` is the other end of the connection, `None` on a Unix socket, and
    /// `forwarded` gives the lines of `X-Forwarded-For`, which count only when the peer is trusted: the
    /// rightmost entry that is not itself a trusted proxy.
    ///
    /// # Errors
    /// When a trusted peer sends something that is no address.
    pub fn client<'a, I: DoubleEndedIterator<Item = &'a str>>(
        &self,
        peer: Option<IpAddr>,
        forwarded: impl FnOnce() -> I,
    ) -> Result<Option<IpAddr>, ForwardedFault> {
        let peer = peer.map(|peer| peer.to_canonical());
        if !self.trust_peer(peer) {
            return Ok(peer);
        }
        let mut farthest = peer;
        for entry in forwarded().rev().flat_map(|line| line.rsplit(',')) {
            let address = parse(entry.trim()).ok_or(ForwardedFault)?;
            farthest = Some(address);
            if !self.trust(address) {
                break;
            }
        }
        Ok(farthest)
    }
}

/// Appends an address as text. The standard library's way to write IPv4 is made for padding, and an address
/// is written twice a request.
pub fn write_address(to: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        to.extend_from_slice(address.to_string().as_bytes());
        return;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            to.push(b'.');
        }
        if octet >= 100 {
            to.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            to.push(b'0' + octet / 10 % 10);
        }
        to.push(b'0' + octet % 10);
    }
}

/// Reads a network as `ADDRESS/BITS`, or an address, which is a network of one.
///
/// IPv4 in the clothes of IPv6 (`::ffff:10.0.0.1`) is IPv4: clients are seen like that too.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    /// Bits of an IPv6 address before a mapped IPv4 one (RFC 4291 section 2.5.5.2).
    const MAPPED: u8 = 96;
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED => v6.addr().to_ipv4_mapped(),
        _ => None,
    };
    let network = match mapped {
        Some(v4) => Ipv4Net::new(v4, network.prefix_len() - MAPPED).ok()?.into(),
        None => network,
    };
    Some(network.trunc())
}

/// An address, with a port or without (some proxies add one). IPv4 in IPv6 is IPv4.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    address.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        let v4 = (0..=255).map(|octet| format!("{octet}.0.{octet}.10"));
        for text in v4.chain(["255.255.255.255".into(), "::1".into(), "2001:db8::7".into()]) {
            let mut written = Vec::new();
            write_address(&mut written, text.parse().unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }

    #[test]
    fn networks() {
        let cases = [
            ("10.0.0.1", Some("10.0.0.1/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("::1", Some("::1/128")),
            ("fd00::/8", Some("fd00::/8")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("::ffff:10.1.2.3/104", Some("10.0.0.0/8")),
            ("::ffff:0:0/96", Some("0.0.0.0/0")),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("proxy.example.com", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(network(text).map(|n| n.to_string()).as_deref(), expected, "{text}");
        }
    }

    /// Networks, Unix sockets, the peer, the lines, and what comes of it.
    type Case<'a> = (&'a str, bool, &'a str, &'a [&'a str], Result<&'a str, ()>);

    #[test]
    fn clients() {
        let trust = |networks: &str, unix| TrustedProxies {
            networks: networks.split_whitespace().map(|n| n.parse().unwrap()).collect(),
            unix,
        };
        let cases: &[Case<'_>] = &[
            ("", false, "9.9.9.9", &["1.1.1.1"], Ok("9.9.9.9")),
            ("", false, "::ffff:9.9.9.9", &[], Ok("9.9.9.9")),
            ("10.0.0.0/8", false, "10.0.0.1", &["1.1.1.1"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["6.6.6.6, 1.1.1.1"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["6.6.6.6", "1.1.1.1, 10.0.0.2"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["10.0.0.3, 10.0.0.2"], Ok("10.0.0.3")),
            ("10.0.0.0/8", false, "10.0.0.1", &[], Ok("10.0.0.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["::ffff:1.1.1.1"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["[2001:db8::1]:443"], Ok("2001:db8::1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["1.1.1.1:80"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "10.0.0.1", &["unknown"], Err(())),
            ("10.0.0.0/8", false, "10.0.0.1", &["1.1.1.1,"], Err(())),
            ("10.0.0.0/8", false, "10.0.0.1", &["x, 1.1.1.1"], Ok("1.1.1.1")),
            ("10.0.0.0/8", false, "9.9.9.9", &["unknown"], Ok("9.9.9.9")),
            ("", false, "unix", &["1.1.1.1"], Ok("none")),
            ("", true, "unix", &["1.1.1.1"], Ok("1.1.1.1")),
            ("", true, "unix", &[], Ok("none")),
        ];
        for (networks, unix, peer, lines, expected) in cases {
            let found = trust(networks, *unix).client(peer.parse().ok(), || lines.iter().copied());
            let found = found.map(|ip| ip.map_or("none".to_owned(), |ip| ip.to_string()));
            assert_eq!(found.map_err(|_| ()), expected.map(str::to_owned), "{peer} {lines:?}");
        }
    }
}
