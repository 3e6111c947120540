//! The rows of every table in one form, for people and for programs.

use super::super::confined::Confined;
use super::super::intent::{Action, Body, Effects, Need};
use super::table::Row;

/// One row of a dialect's table, as `gitlatch rules`, `explain` and the reference show it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of the row.
    pub name: &'static str,
    /// The method that the row is named by; `*` is every one, `!GET` every one but `GET` and `HEAD`.
    pub method: &'static str,
    /// Its methods.
    pub methods: &'static [&'static str],
    /// The path as people read it: captures in braces, `**` for everything below.
    pub path: String,
    /// What it does.
    pub action: Action,
    /// What it needs where it acts.
    pub need: Need,
    /// What its body must be.
    pub body: Body,
    /// What becomes of a confined request.
    pub confined: Confined,
    /// What else it does.
    pub effects: Effects,
    /// What it is, in a few words.
    pub note: &'static str,
}

impl Entry {
    /// A row for a repository's folder, where Git paths begin with `prefix`.
    pub(super) fn of_git(row: &'static Row, prefix: &str) -> Self {
        Self {
            name: row.name,
            method: row.method,
            methods: row.methods(),
            path: format!("{prefix}{}", row.describe()),
            action: row.action,
            need: row.need,
            body: row.body,
            confined: Confined::Pass,
            effects: Effects::default(),
            note: row.note,
        }
    }
}
