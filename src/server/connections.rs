//! How many connections there are, in all and from where, and which are one too many.

use super::rarely::Rarely;
use super::{Limits, Peer};
use crate::domain::client::Place;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a connection is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// As many are open as there may be.
    Total,
    /// As many are open from this address as there may be.
    Address,
}

impl Crowded {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Total, Self::Address];

    /// Its name in metrics and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Address => "address",
        }
    }
}

/// How many connections there are: for the limits, for a metric and for handing them out.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    total: AtomicUsize,
    refused: [AtomicU64; Crowded::ALL.len()],
    /// The log hears of each reason now and then.
    said: [Rarely; Crowded::ALL.len()],
    /// How many are open from each place. It has no more entries than there are connections; locked when
    /// one begins and when it ends, and by no request.
    places: Mutex<HashMap<Place, usize, foldhash::fast::RandomState>>,
}

impl Connections {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections taken since the start.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Connections turned away since the start for this reason.
    #[must_use]
    pub fn refused(&self, why: Crowded) -> u64 {
        self.refused.get(why as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts a connection of this peer, if it may be open beside the others. A peer without an address,
    /// or one that the limits exempt, counts in the total alone; so does a proxy that is to say whose
    /// connection it is, until it does ([`Open::introduce`]).
    pub(super) fn admit(self: &Arc<Self>, peer: Peer, limits: &Limits) -> Result<Open, Crowded> {
        self.count(peer, limits).inspect_err(|why| self.refuse(*why))
    }

    fn count(self: &Arc<Self>, peer: Peer, limits: &Limits) -> Result<Open, Crowded> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        // From here on its end takes it off again.
        let introduced = !limits.proxies.trust_peer(peer.address);
        let mut open = Open { connections: Arc::clone(self), introduced, place: None };
        if before >= limits.connections {
            return Err(Crowded::Total);
        }
        // Whose it is that comes by way of a proxy is known when its header is.
        if introduced {
            open.settle(peer, limits)?;
        }
        self.total.fetch_add(1, Ordering::Relaxed);
        Ok(open)
    }

    /// Counts one that is turned away, and tells the log.
    fn refuse(&self, why: Crowded) {
        if let Some(count) = self.refused.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if self.said.get(why as usize).is_some_and(Rarely::is_due) {
            let reason = why.name();
            let key = match why {
                Crowded::Total => "connections",
                Crowded::Address => "connections_per_address",
            };
            tracing::warn!(reason, "connections are turned away: [limits] {key}");
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Place, usize, foldhash::fast::RandomState>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection; dropping it is its end.
pub(super) struct Open {
    connections: Arc<Connections>,
    /// Whether it is known whose it is. That is decided once: the limits may be others when the
    /// connection gets to its worker, and it would be counted twice, or never.
    introduced: bool,
    place: Option<Place>,
}

impl Open {
    /// Whether it is known whose it is; if not, it begins with a header that says so.
    pub(super) const fn is_introduced(&self) -> bool {
        self.introduced
    }

    /// Counts it as one that a proxy has said to be of this peer, if that may be open beside the others.
    /// One that was introduced stays what it is.
    pub(super) fn introduce(&mut self, peer: Peer, limits: &Limits) -> Result<(), Crowded> {
        if self.introduced {
            return Ok(());
        }
        self.settle(peer, limits).inspect_err(|why| self.connections.refuse(*why))?;
        self.introduced = true;
        Ok(())
    }

    /// Counts it at the peer's place, which it has none of yet.
    fn settle(&mut self, peer: Peer, limits: &Limits) -> Result<(), Crowded> {
        if peer.address.is_some() && !limits.trusted.trust_peer(peer.address) {
            let place = Place::of(peer.address);
            let mut places = self.connections.places();
            let count = places.entry(place).or_default();
            if *count >= limits.connections_per_address {
                return Err(Crowded::Address);
            }
            *count += 1;
            self.place = Some(place);
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        let Some(place) = self.place else { return };
        if let Entry::Occupied(mut entry) = self.connections.places().entry(place) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{TrustedProxies, network};

    fn limits(connections: usize, connections_per_address: usize) -> Limits {
        let networks = vec![network("10.0.0.0/8").unwrap()];
        let trusted = TrustedProxies { networks, unix: false };
        Limits { connections, connections_per_address, trusted, ..Limits::default() }
    }

    #[test]
    fn connections_are_counted_by_place() {
        let limits = limits(7, 2);
        let connections = Arc::<Connections>::default();
        let mut open = Vec::new();
        let cases = [
            ("9.9.9.9", Ok(())),
            ("::ffff:9.9.9.9", Ok(())),
            ("9.9.9.9", Err(Crowded::Address)),
            ("2001:db8:0:1::1", Ok(())),
            ("2001:db8:0:1:ffff::2", Ok(())),
            ("2001:db8:0:1::3", Err(Crowded::Address)),
            ("2001:db8:0:2::1", Ok(())),
            ("10.0.0.1", Ok(())),
            ("", Ok(())),
            ("8.8.8.8", Err(Crowded::Total)),
        ];
        for (address, expected) in cases {
            let peer = Peer { address: address.parse().ok() };
            let admitted = connections.admit(peer, &limits);
            assert_eq!(admitted.as_ref().map(drop).map_err(|why| *why), expected, "{address}");
            open.extend(admitted);
        }
        assert_eq!((connections.open(), connections.total()), (7, 7));
        let refused = Crowded::ALL.map(|why| connections.refused(why));
        assert_eq!(refused, [1, 2], "what was refused is not left counted");
        drop(open);
        assert_eq!(connections.open(), 0);
        assert!(connections.places().is_empty(), "nobody is remembered");
    }

    /// Who is listed as a proxy when a connection is admitted, who is when it gets to its worker, whether it
    /// must say whose it is, and where it is counted then.
    #[test]
    fn a_reload_between_door_and_worker_counts_nobody_twice() {
        let proxy = Peer { address: "9.9.9.9".parse().ok() };
        let client = Peer { address: "8.8.8.8".parse().ok() };
        let listed = || {
            let networks = vec![network("9.9.9.9").unwrap()];
            let proxies = TrustedProxies { networks, unix: false };
            Limits { proxies, ..limits(7, 2) }
        };
        for (before, after, introduced, counted) in [
            (listed(), listed(), false, client),
            (listed(), limits(7, 2), false, client),
            (limits(7, 2), listed(), true, proxy),
            (limits(7, 2), limits(7, 2), true, proxy),
        ] {
            let connections = Arc::<Connections>::default();
            let mut open = connections.admit(proxy, &before).map_err(Crowded::name).unwrap();
            assert_eq!(open.is_introduced(), introduced);
            open.introduce(client, &after).unwrap();
            open.introduce(client, &after).unwrap();
            let counts: Vec<_> = connections.places().iter().map(|(at, n)| (*at, *n)).collect();
            assert_eq!(counts, [(Place::of(counted.address), 1)]);
            drop(open);
            assert!(connections.places().is_empty(), "nobody is remembered");
        }
    }
}
