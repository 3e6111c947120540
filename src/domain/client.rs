//! Where a client is: its own address, or the one that a trusted proxy tells.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Whose `X-Forwarded-For` is believed; by default nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Peers in these networks.
    pub networks: Vec<IpNet>,
    /// Peers on a Unix socket.
    pub unix: bool,
}

/// An `X-Forwarded-For` of a trusted proxy that cannot be read (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("X-Forwarded-For holds something that is no address")]
pub struct ForwardedFault;

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address. `peer` is the other end of the connection, `None` on a Unix socket, and
    /// `forwarded` the lines of `X-Forwarded-For`, which count only when the peer is trusted: the
    /// rightmost entry that is not itself a trusted proxy.
    ///
    /// # Errors
    /// When a trusted peer sends something that is no address.
    pub fn client<'a>(
        &self,
        peer: Option<IpAddr>,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> Result<Option<IpAddr>, ForwardedFault> {
        let peer = peer.map(|peer| peer.to_canonical());
        let trusted = peer.map_or(self.unix, |peer| self.trust(peer));
        if !trusted {
            return Ok(peer);
        }
        let mut farthest = peer;
        for entry in forwarded.rev().flat_map(|line| line.rsplit(',')) {
            let address = parse(entry.trim()).ok_or(ForwardedFault)?;
            farthest = Some(address);
            if !self.trust(address) {
                break;
            }
        }
        Ok(farthest)
    }
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
            let found = trust(networks, *unix).client(peer.parse().ok(), lines.iter().copied());
            let found = found.map(|ip| ip.map_or("none".to_owned(), |ip| ip.to_string()));
            assert_eq!(found.map_err(|_| ()), expected.map(str::to_owned), "{peer} {lines:?}");
        }
    }
}
