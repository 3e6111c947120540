//! How often a token and an address may ask. All workers count together.
//!
//! Where no rate is set nothing is counted, and nothing is locked.

use super::refusal::Refusal;
use super::{Gate, Rules};
use crate::domain::bounded::Bounded;
use crate::domain::client::Place;
use crate::domain::rate::{Rate, Taken, TooMany};
use crate::domain::token::TokenId;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Tables in which each kind is counted, so that workers rarely wait for each other.
const SHARDS: usize = 64;
/// The most that each of them holds.
const MOST: usize = 2048;

/// By whose rate a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Token,
    Address,
}

impl Whose {
    /// The value of the metric's label.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Address => "address",
        }
    }
}

/// How often tokens and addresses have asked.
#[derive(Default)]
pub struct Rates {
    tokens: Counts<i64>,
    addresses: Counts<Place>,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

type Table<K> = Bounded<K, Taken, foldhash::fast::RandomState>;

struct Counts<K> {
    hasher: foldhash::fast::RandomState,
    shards: Vec<Mutex<Table<K>>>,
}

impl<K: Copy + Eq + Hash> Default for Counts<K> {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Bounded::new(MOST)));
        Self { hasher: foldhash::fast::RandomState::default(), shards: shards.collect() }
    }
}

impl<K: Copy + Eq + Hash> Counts<K> {
    fn take(&self, rate: &Rate, key: K, now: Instant) -> Result<(), TooMany> {
        // The table's own hash is another one, so that no shard fills before the others.
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are as good as any")]
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return Ok(()) };
        let mut table = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = table.slot(key, now, |taken| taken.is_live(now));
        rate.take(table.make(&slot), now)
    }
}

impl Gate {
    /// Counts a request of this client's, whoever it says it is. One without an address, on a Unix socket,
    /// is nobody's.
    pub(super) fn count_address(
        &self,
        rules: &Rules,
        client: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let (Some(rate), Some(_)) = (&rules.requests_per_address, client) else { return Ok(()) };
        let counted = self.rates.addresses.take(rate, Place::of(client), Instant::now());
        counted.map_err(|too_many| Refusal::TooMany(Whose::Address, too_many))
    }

    /// Counts a request of this token's, however it was presented.
    pub(super) fn count_token(&self, rules: &Rules, token: TokenId) -> Result<(), Refusal> {
        let Some(rate) = &rules.requests_per_token else { return Ok(()) };
        let counted = self.rates.tokens.take(rate, token.0, Instant::now());
        counted.map_err(|too_many| Refusal::TooMany(Whose::Token, too_many))
    }
}
