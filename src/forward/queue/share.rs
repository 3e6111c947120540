//! How much of the queue each of those who fill it has, so that nobody has all of it.

use crate::domain::client::Place;
use crate::domain::token::TokenId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tables in which holders are counted, so that workers rarely wait for each other.
const SHARDS: usize = 64;

/// Who has something of what is for all: a token, or whoever asks without one from one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A token, wherever it is used.
    Token(TokenId),
    /// Without a token.
    Person(Place),
}

impl Holder {
    /// The token, if there is one, else where the client is; `None` is on a Unix socket.
    #[must_use]
    pub fn of(token: Option<TokenId>, client: Option<IpAddr>) -> Self {
        token.map_or_else(|| Self::Person(Place::of(client)), Self::Token)
    }
}

type Counts = HashMap<Holder, usize, foldhash::fast::RandomState>;

/// Requests under way and waiting, by holder. A holder without any is in no table: together they are no
/// more than those requests.
#[derive(Debug)]
pub(super) struct Shares {
    hasher: foldhash::fast::RandomState,
    shards: [Mutex<Counts>; SHARDS],
    /// The most of one holder; `usize::MAX` is no end, and nothing is counted.
    most: AtomicUsize,
}

impl Shares {
    pub(super) fn new() -> Self {
        Self {
            hasher: foldhash::fast::RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            most: AtomicUsize::new(usize::MAX),
        }
    }

    /// From now on one holder may have so many.
    pub(super) fn resize(&self, most: Option<usize>) {
        self.most.store(most.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// Counts one more of this holder's, if it may have that: then whom it is to be counted off from.
    pub(super) fn take(&self, holder: Holder) -> Result<Option<Holder>, OverShare> {
        let most = self.most.load(Ordering::Relaxed);
        if most == usize::MAX {
            return Ok(None);
        }
        let mut counts = self.shard(holder);
        match counts.entry(holder) {
            Entry::Occupied(entry) if *entry.get() >= most => return Err(OverShare),
            Entry::Occupied(mut entry) => *entry.get_mut() += 1,
            // Nobody's share is nothing.
            Entry::Vacant(entry) => {
                entry.insert(1);
            }
        }
        Ok(Some(holder))
    }

    pub(super) fn give_back(&self, holder: Holder) {
        if let Entry::Occupied(mut entry) = self.shard(holder).entry(holder) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    /// Holders that have something.
    #[cfg(test)]
    pub(super) fn holders(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    fn shard(&self, holder: Holder) -> MutexGuard<'_, Counts> {
        // The tables' own hashes are other ones, so that no table fills before the others.
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are as good as any")]
        let number = self.hasher.hash_one(holder) as usize % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A holder has its share already.
#[derive(Debug)]
pub(super) struct OverShare;
