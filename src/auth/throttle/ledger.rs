//! Who was wrong how often. Time is an argument.

use crate::domain::bounded::{Bounded, Slot};
use crate::domain::client::Place;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// For how long a wrong password counts.
const WINDOW: Duration = Duration::from_mins(1);
/// Wrong passwords a window for one account from one address.
const PER_PAIR: usize = 10;
/// Wrong passwords a window from one address, whatever the account.
const PER_ADDRESS: usize = 50;
/// Wrong passwords a window for one account, from wherever it is not known.
const PER_ACCOUNT: usize = 100;
/// For how long an account is known at an address where its password was right.
const KNOWN: Duration = Duration::from_hours(30 * 24);
/// The most that each table holds.
pub(super) const MOST: usize = 10_000;

/// An account's name without case, as a keyed hash: names come from clients and may be of any length.
type Account = u64;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Right,
    Wrong,
    Unknown,
}

/// Whether one more attempt may begin; the later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It may.
    Free,
    /// Not while so many are under way.
    Busy,
    /// Not for so many seconds.
    Full { seconds: u64 },
}

/// What an attempt was counted under, to be given back to the same.
#[derive(Debug)]
pub(super) struct Reservation {
    pair: (Account, Place),
    slots: Slots,
}

#[derive(Debug)]
struct Slots {
    pair: Slot<(Account, Place)>,
    /// None where the account is known: who shares an address with guessers is not shut out by them.
    place: Option<Slot<Place>>,
    /// None where the account is known: guesses elsewhere do not count here, nor those here elsewhere.
    account: Option<Slot<Account>>,
}

/// Everything that is counted.
pub(super) struct Ledger {
    hasher: RandomState,
    pairs: Table<(Account, Place)>,
    places: Table<Place>,
    accounts: Table<Account>,
    /// When an account's password was last right at a place.
    known: HashMap<(Account, Place), Instant>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            pairs: Table::new(PER_PAIR),
            places: Table::new(PER_ADDRESS),
            accounts: Table::new(PER_ACCOUNT),
            known: HashMap::new(),
        }
    }
}

impl Ledger {
    /// Reserves an attempt, or says why it may not begin now.
    pub(super) fn reserve(
        &mut self,
        account: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Reservation, Standing> {
        let account: Account = self.hasher.hash_one(account.to_lowercase());
        let place = Place::of(address);
        let pair = (account, place);
        let last = self.known.get(&pair);
        let known = last.is_some_and(|last| now.saturating_duration_since(*last) < KNOWN);
        let slots = Slots {
            pair: self.pairs.slot(pair, now),
            place: (!known).then(|| self.places.slot(place, now)),
            account: (!known).then(|| self.accounts.slot(account, now)),
        };
        let standing = [
            self.pairs.standing(&slots.pair, now),
            slots.place.as_ref().map_or(Standing::Free, |p| self.places.standing(p, now)),
            slots.account.as_ref().map_or(Standing::Free, |a| self.accounts.standing(a, now)),
        ];
        match standing.into_iter().max() {
            Some(Standing::Free) | None => {}
            Some(worst) => return Err(worst),
        }
        self.pairs.reserve(&slots.pair);
        if let Some(slot) = &slots.place {
            self.places.reserve(slot);
        }
        if let Some(slot) = &slots.account {
            self.accounts.reserve(slot);
        }
        Ok(Reservation { pair, slots })
    }

    /// Gives a reservation back, and counts it if the password was wrong.
    pub(super) fn settle(&mut self, reservation: &Reservation, outcome: Outcome, now: Instant) {
        let Reservation { pair, slots } = reservation;
        let wrong = (outcome == Outcome::Wrong).then_some(now);
        self.pairs.settle(&slots.pair, wrong);
        if let Some(slot) = &slots.place {
            self.places.settle(slot, wrong);
        }
        if let Some(slot) = &slots.account {
            self.accounts.settle(slot, wrong);
        }
        if outcome == Outcome::Right {
            self.remember(*pair, now);
        }
    }

    /// Remembers where an account is known; where too many are, the one that has not come for longest
    /// is forgotten.
    fn remember(&mut self, pair: (Account, Place), now: Instant) {
        if self.known.len() >= MOST && !self.known.contains_key(&pair) {
            let stalest = self.known.iter().min_by_key(|(_, last)| **last).map(|(pair, _)| *pair);
            if let Some(stalest) = stalest {
                self.known.remove(&stalest);
            }
        }
        self.known.insert(pair, now);
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        let places = self.places.counts.len();
        [self.pairs.counts.len(), places, self.accounts.counts.len(), self.known.len()]
    }
}

/// Counts by one key, bounded: doubt means refusal.
struct Table<K> {
    limit: usize,
    counts: Bounded<K, Count>,
}

/// The wrong passwords of the window, oldest first, and the attempts that are under way. Both together
/// are never more than the limit.
#[derive(Debug, Default)]
struct Count {
    wrong: VecDeque<Instant>,
    reserved: usize,
}

impl<K: Copy + Eq + Hash> Table<K> {
    fn new(limit: usize) -> Self {
        Self { limit, counts: Bounded::new(MOST) }
    }

    /// Where this key is counted.
    fn slot(&mut self, key: K, now: Instant) -> Slot<K> {
        self.counts.slot(key, now, |count| count.is_live(now))
    }

    fn standing(&mut self, slot: &Slot<K>, now: Instant) -> Standing {
        let limit = self.limit;
        self.counts.get(slot).map_or(Standing::Free, |count| count.standing(limit, now))
    }

    fn reserve(&mut self, slot: &Slot<K>) {
        self.counts.make(slot).reserved += 1;
    }

    fn settle(&mut self, slot: &Slot<K>, wrong: Option<Instant>) {
        let Some(count) = self.counts.get(slot) else { return };
        count.reserved = count.reserved.saturating_sub(1);
        count.wrong.extend(wrong);
        if count.reserved == 0 && count.wrong.is_empty() {
            self.counts.forget(slot);
        }
    }
}

impl Count {
    fn standing(&mut self, limit: usize, now: Instant) -> Standing {
        while self.wrong.front().is_some_and(|at| !is_recent(*at, now)) {
            self.wrong.pop_front();
        }
        if let Some(oldest) = self.wrong.front().filter(|_| self.wrong.len() >= limit) {
            let rest = WINDOW.saturating_sub(now.saturating_duration_since(*oldest));
            // Rounded up: whoever comes when they were told to is not too early.
            let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
            return Standing::Full { seconds: seconds.max(1) };
        }
        if self.wrong.len() + self.reserved >= limit { Standing::Busy } else { Standing::Free }
    }

    fn is_live(&self, now: Instant) -> bool {
        self.reserved > 0 || self.wrong.back().is_some_and(|at| is_recent(*at, now))
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < WINDOW
}
