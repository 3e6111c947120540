//! The tokens that a reader has found, in memory and bounded.

use super::freshness::Stamp;
use crate::domain::principal::TokenPrincipal;
use crate::domain::token::TokenHash;
use std::collections::HashMap;
use std::mem;
use std::rc::Rc;

type Found = HashMap<TokenHash, Rc<TokenPrincipal>, foldhash::fast::RandomState>;

/// Tokens by their hashes, in two generations of half the capacity each: what is used moves to the
/// young one; when that is full it becomes the old one, and what was old is forgotten.
///
/// Only tokens that exist are kept. A caller who makes hashes up can neither fill it nor push others
/// out, and a token that was just added needs nothing to be forgotten.
pub(super) struct Index {
    young: Found,
    old: Found,
    half: usize,
    /// The generation row that the content was read under.
    generation: Option<i64>,
    /// The database as it was when that row was last seen, or before.
    seen: Option<Stamp>,
}

impl Index {
    /// An empty one for `capacity` tokens, at least two.
    pub(super) fn new(capacity: usize) -> Self {
        let half = (capacity / 2).max(1);
        Self { young: Found::default(), old: Found::default(), half, generation: None, seen: None }
    }

    /// The token, if it is here and nothing was committed since the content was last confirmed.
    pub(super) fn get_fresh(
        &mut self,
        hash: &TokenHash,
        now: Option<Stamp>,
    ) -> Option<Rc<TokenPrincipal>> {
        let fresh = now.is_some() && now == self.seen;
        if fresh { self.get(hash) } else { None }
    }

    /// The token, if it is here.
    pub(super) fn get(&mut self, hash: &TokenHash) -> Option<Rc<TokenPrincipal>> {
        if let Some(found) = self.young.get(hash) {
            return Some(Rc::clone(found));
        }
        let found = self.old.remove(hash)?;
        self.insert(*hash, Rc::clone(&found));
        Some(found)
    }

    /// Remembers a token.
    pub(super) fn insert(&mut self, hash: TokenHash, found: Rc<TokenPrincipal>) {
        if self.young.len() >= self.half {
            mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(hash, found);
    }

    /// Takes note that the database was at `generation`, and forgets everything if that is another
    /// one than before.
    pub(super) fn confirm(&mut self, generation: i64) {
        if self.generation.replace(generation) != Some(generation) {
            self.young.clear();
            self.old.clear();
        }
    }

    /// Takes note of a stamp that was read *before* the generation last confirmed: whatever is
    /// committed after that reading changes the stamp.
    pub(super) fn seen(&mut self, before: Option<Stamp>) {
        self.seen = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::Permissions;
    use crate::domain::policy::limits::Limits;
    use crate::domain::principal::{Owner, OwnerKind, Rights};
    use crate::domain::token::TokenId;

    fn token(number: i64) -> (TokenHash, Rc<TokenPrincipal>) {
        let principal = TokenPrincipal {
            id: TokenId(number),
            name: String::new(),
            owner: Owner::of_project("team", None).expect("a name"),
            permissions: Permissions::highest(OwnerKind::Project),
            limits: Limits::default(),
            expires: None,
            rights: Rights::Host,
            groups: Vec::new(),
            identity: None,
        };
        (TokenHash::of(&number.to_le_bytes()), Rc::new(principal))
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let mut index = Index::new(100);
        let (used, principal) = token(0);
        index.insert(used, principal);
        for number in 1..10_000 {
            let (hash, principal) = token(number);
            index.insert(hash, principal);
            assert!(index.get(&used).is_some(), "after {number}");
            assert!(index.young.len() + index.old.len() <= 100);
        }
        assert!(index.get(&token(1).0).is_none());
    }

    #[test]
    fn another_generation_empties_it() {
        let mut index = Index::new(10);
        let (hash, principal) = token(1);
        index.confirm(7);
        index.insert(hash, principal);
        index.confirm(7);
        assert!(index.get(&hash).is_some());
        assert!(index.get_fresh(&hash, None).is_none(), "no stamp is never fresh");
        index.confirm(8);
        assert!(index.get(&hash).is_none());
    }
}
