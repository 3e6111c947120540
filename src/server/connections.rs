//! How many connections there are, in all and from where, and which are one too many.

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
    /// or one that the limits exempt, counts in the total alone.
    pub(super) fn admit(self: &Arc<Self>, peer: Peer, limits: &Limits) -> Result<Open, Crowded> {
        let admitted = self.count(peer, limits);
        if let Err(why) = &admitted
            && let Some(count) = self.refused.get(*why as usize)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    fn count(self: &Arc<Self>, peer: Peer, limits: &Limits) -> Result<Open, Crowded> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        // From here on its end takes it off again.
        let mut open = Open { connections: Arc::clone(self), place: None };
        if before >= limits.connections {
            return Err(Crowded::Total);
        }
        // Whose it is that comes by way of a proxy is known when its header is.
        if !limits.proxies.trust_peer(peer.address) {
            open.settle(peer, limits)?;
        }
        self.total.fetch_add(1, Ordering::Relaxed);
        Ok(open)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Place, usize, foldhash::fast::RandomState>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection; dropping it is its end.
pub(super) struct Open {
    connections: Arc<Connections>,
    place: Option<Place>,
}

impl Open {
    /// Counts it as one that a proxy has said to be of this peer, if that may be open beside the others.
    pub(super) fn introduce(&mut self, peer: Peer, limits: &Limits) -> Result<(), Crowded> {
        let settled = self.settle(peer, limits);
        if let Err(why) = &settled
            && let Some(count) = self.connections.refused.get(*why as usize)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        settled
    }

    /// Counts it at the peer's place.
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
}
