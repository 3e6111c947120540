//! What a client was told that is done, and the store held to it.

use crate::concurrency::wire::{HEAD, Wire};
use crate::support::Site;
use gitlatch::domain::trail::{Entry, Link};
use gitlatch::store::sqlite::{Database, SqliteRegistry};
use gitlatch::store::{Head, Registry as _, TrailFilter};
use serde_json::Value;
use std::collections::BTreeMap;

/// A token as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub name: String,
    pub permission: String,
    pub live: bool,
}

/// A change that was asked for, without an answer: all of it is done, or nothing.
#[derive(Debug)]
pub enum Maybe {
    Created(Token),
    Edited(u64, Token),
    Rotated { id: u64, overlap: bool },
    Revoked(u64),
}

/// Everything that was acknowledged.
#[derive(Debug, Default)]
pub struct Book {
    pub tokens: BTreeMap<u64, Token>,
    /// Each secret, with the token that it belongs to.
    pub secrets: Vec<(String, u64)>,
    /// How many entries of an event there must be about a token or a user.
    pub trail: BTreeMap<(String, String), u32>,
    pub maybes: Vec<Maybe>,
}

impl Book {
    pub fn event(&mut self, event: &str, about: &(impl ToString + ?Sized)) {
        *self.trail.entry((event.to_owned(), about.to_string())).or_default() += 1;
    }

    pub fn created(&mut self, id: u64, token: Token, secret: Option<&str>) {
        self.event("token.created", &id);
        self.secrets.extend(secret.map(|secret| (secret.to_owned(), id)));
        assert!(self.tokens.insert(id, token).is_none(), "token {id} was made twice");
    }

    pub fn edited(&mut self, id: u64, after: Token) {
        self.event("token.edited", &id);
        self.tokens.insert(id, after);
    }

    pub fn rotated(&mut self, id: u64, successor: u64, overlap: bool, secret: Option<&str>) {
        self.event("token.rotated", &id);
        let before = self.tokens.get_mut(&id).unwrap();
        let after = before.clone();
        before.live = overlap;
        self.created(successor, after, secret);
    }

    pub fn revoked(&mut self, id: u64) {
        self.event("token.revoked", &id);
        self.tokens.get_mut(&id).unwrap().live = false;
    }

    /// Takes what another client was told.
    pub fn absorb(&mut self, other: Self) {
        for (key, count) in other.trail {
            *self.trail.entry(key).or_default() += count;
        }
        for (id, token) in other.tokens {
            assert!(self.tokens.insert(id, token).is_none(), "token {id} was made twice");
        }
        self.secrets.extend(other.secrets);
        self.maybes.extend(other.maybes);
    }

    /// Finds out which of the changes without an answer were made: whichever is listed as made, and
    /// everything else is held to that.
    pub fn settle(&mut self, site: &Site) {
        let listed = listed(site);
        for maybe in std::mem::take(&mut self.maybes) {
            let news = |name: &str| {
                let mut news = listed.iter().filter(|(id, _)| !self.tokens.contains_key(id));
                news.find(|(_, token)| token.name == name).map(|(id, _)| *id)
            };
            match maybe {
                Maybe::Created(token) => {
                    if let Some(id) = news(&token.name) {
                        self.created(id, token, None);
                    }
                }
                Maybe::Edited(id, after) => {
                    if listed[&id].name == after.name {
                        self.edited(id, after);
                    }
                }
                Maybe::Rotated { id, overlap } => {
                    if let Some(successor) = news(&self.tokens[&id].name) {
                        self.rotated(id, successor, overlap, None);
                    }
                }
                Maybe::Revoked(id) => {
                    if !listed[&id].live {
                        self.revoked(id);
                    }
                }
            }
        }
    }

    /// Holds the store and the server to it. `before` is the head of the trail when the book was begun,
    /// `kept` one that was read later; the head as it is now is returned.
    pub fn hold(&self, site: &Site, before: i64, kept: Link) -> Head {
        assert_eq!(listed(site), self.tokens, "what is listed, and what was acknowledged");
        let mut wire = Wire::to(site.address()).unwrap();
        for (secret, id) in &self.secrets {
            let expected = if self.tokens[id].live { 200 } else { 401 };
            assert_eq!(wire.status(HEAD, secret).unwrap(), expected, "token {id}");
        }
        let mut registry = registry(site);
        let found = changes(&mut registry, before);
        let mut counted = BTreeMap::new();
        for entry in &found {
            let token = entry.subject.token.map(|id| id.to_string());
            let about = token.or_else(|| entry.subject.user.clone()).unwrap_or_default();
            *counted.entry((entry.event.clone(), about)).or_default() += 1;
        }
        assert_eq!(counted, self.trail, "the trail, and what was acknowledged");
        registry.verify_trail(Some(kept)).unwrap().unwrap()
    }
}

/// Every token, by number, as the command line lists it.
pub fn listed(site: &Site) -> BTreeMap<u64, Token> {
    let printed = site.done(&["token", "list", "--all", "--json"], "");
    let values: Vec<Value> = serde_json::from_str(&printed).unwrap();
    values.iter().map(|value| (number(value), token(value))).collect()
}

/// A token as either side tells of it.
pub fn token(value: &Value) -> Token {
    let permissions = value["permissions"].as_array().unwrap();
    let permissions: Vec<&str> = permissions.iter().filter_map(Value::as_str).collect();
    Token {
        name: value["name"].as_str().unwrap().to_owned(),
        permission: permissions.join(" "),
        live: value["revokedDate"].is_null(),
    }
}

pub fn number(value: &Value) -> u64 {
    value["id"].as_str().unwrap().parse().unwrap()
}

/// The store as another process sees it.
pub fn registry(site: &Site) -> SqliteRegistry {
    Database::open_existing(&site.database()).unwrap().registry().unwrap()
}

/// The entries after this one that tell of changes, and not of uses.
fn changes(registry: &mut SqliteRegistry, after: i64) -> Vec<Entry> {
    let mut found = registry.trail(&TrailFilter { after, ..TrailFilter::default() }).unwrap();
    found.retain(|entry| !matches!(&*entry.event, "token.first-use" | "token.new-address"));
    found
}
