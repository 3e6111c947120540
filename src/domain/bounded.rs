//! A table that nobody can make grow: what has no room of its own shares one value. Time is an argument.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Duration, Instant};

/// A full table is looked through for what is over at most this often.
const SWEEP: Duration = Duration::from_secs(1);

/// Values by their keys, up to a number of them.
#[derive(Debug)]
pub struct Bounded<K, V, S = RandomState> {
    most: usize,
    values: HashMap<K, V, S>,
    overflow: V,
    swept: Option<Instant>,
}

/// Where in a table something is.
#[derive(Clone, Copy, Debug)]
pub enum Slot<K> {
    /// At a place of its own.
    Own(K),
    /// With everything for which the table has no room left.
    Overflow,
}

impl<K: Copy + Eq + Hash, V: Default, S: BuildHasher + Default> Bounded<K, V, S> {
    /// An empty table with room for so many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, values: HashMap::default(), overflow: V::default(), swept: None }
    }

    /// Where this key is, or would be. A full table is rid of what is not live first.
    pub fn slot(&mut self, key: K, now: Instant, is_live: impl Fn(&V) -> bool) -> Slot<K> {
        if self.values.contains_key(&key) {
            return Slot::Own(key);
        }
        let due = |last: Instant| now.saturating_duration_since(last) >= SWEEP;
        if self.values.len() >= self.most && self.swept.is_none_or(due) {
            self.swept = Some(now);
            self.values.retain(|_, value| is_live(value));
        }
        if self.values.len() < self.most { Slot::Own(key) } else { Slot::Overflow }
    }

    /// The value there, if there is one yet.
    pub fn get(&mut self, slot: &Slot<K>) -> Option<&mut V> {
        match slot {
            Slot::Own(key) => self.values.get_mut(key),
            Slot::Overflow => Some(&mut self.overflow),
        }
    }

    /// The value there, made if there is none yet.
    pub fn make(&mut self, slot: &Slot<K>) -> &mut V {
        match slot {
            Slot::Own(key) => self.values.entry(*key).or_default(),
            Slot::Overflow => &mut self.overflow,
        }
    }

    /// Forgets a value at a place of its own.
    pub fn forget(&mut self, slot: &Slot<K>) {
        if let Slot::Own(key) = slot {
            self.values.remove(key);
        }
    }

    /// How many have a place of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_shares_one_value() {
        let mut table = Bounded::<u32, u32>::new(2);
        let start = Instant::now();
        let later = start + SWEEP;
        // The key, when, the value that it makes there by adding 1; a value of 1 is over.
        let cases = [
            (1, start, 1),
            (1, start, 2),
            (2, start, 1),
            // Full: 2 is swept out.
            (3, start, 1),
            // Looked through just now.
            (4, start, 1),
            (5, start, 2),
            (1, start, 3),
            (4, later, 1),
            (3, later, 3),
        ];
        for (nth, (key, now, expected)) in cases.into_iter().enumerate() {
            let slot = table.slot(key, now, |value| *value > 1);
            let value = table.make(&slot);
            *value += 1;
            assert_eq!(*value, expected, "{nth}");
        }
        let slot = table.slot(1, later, |_| true);
        table.forget(&slot);
        assert_eq!((table.len(), table.get(&slot)), (1, None));
    }
}
