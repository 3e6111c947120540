//! What a push may do to refs: the token's own rules, and what the operator protects from everybody.

use super::super::git::receive_pack::{Push, RefChange};
use super::super::names::{NameCase, RepoPath};
use super::super::pattern::Pattern;
use super::super::principal::TokenPrincipal;
use super::super::token::contains_form;
use super::denial::Denial;
use super::limits::RefRules;
use super::protection::{Deny, Protection};
use super::push_option::OptionPattern;

/// What pushes are held to besides the token's own rules.
#[derive(Clone, Copy, Debug)]
pub struct Law<'a> {
    /// What the operator protects.
    pub protections: &'a [Protection],
    /// The push options that are refused.
    pub options: &'a [OptionPattern],
    /// Whether what runs behind can tell a forced update from another one, and refuse it: it cannot be
    /// told from the commands of a push, since the new commits are in the pack.
    pub tells_force: bool,
}

/// What a push that is let through is to be held to by git itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// git refuses forced updates of branches (`receive.denyNonFastForwards`).
    pub no_force: bool,
}

/// Why a push is refused: of every one of its changes why, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushDenial {
    /// The reasons; what is refused only because another is has the reason [`OTHER`].
    pub reasons: Vec<String>,
    /// All of it in one sentence.
    pub text: String,
}

/// One refused command refuses the whole push.
pub const OTHER: &str = "refused with the rest of this push";

/// Refuses a request that writes refs of a repository past Git, where any of its refs is protected from this
/// token: which ref it writes is not judged there.
///
/// # Errors
/// [`Denial::Refs`].
pub fn past_git(
    who: &TokenPrincipal,
    repository: &RepoPath,
    protections: &[Protection],
) -> Result<(), Denial> {
    if !protections.iter().any(|protection| protection.is_about(who, repository)) {
        return Ok(());
    }
    let text = "this may write refs past Git (branches, tags, the default branch), and refs of this repository \
                are protected: push instead, or have a person do it";
    Err(Denial::Refs { text: text.to_owned() })
}

/// Judges a push to a repository.
///
/// # Errors
/// When one of its changes, or one of its options, is refused.
pub fn judge(
    who: &TokenPrincipal,
    repository: &RepoPath,
    push: &Push,
    law: Law<'_>,
) -> Result<Hold, PushDenial> {
    if let Some(option) = push.options.iter().find(|o| law.options.iter().any(|p| p.matches(o))) {
        // Its value may be a secret, and so may what stands where a name should.
        let name = option.split_once('=').map_or(option.as_str(), |(name, _)| name);
        let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
        let shown = if contains_form(option.as_bytes()) { "(hidden)" } else { &shown };
        let text = format!("the push option `{shown}` is refused for tokens here");
        return Err(PushDenial { reasons: vec![text.clone(); push.changes.len()], text });
    }
    check_cost(length(who.limits.refs.patterns()), push, law.protections)?;
    let allowed = cut(&who.limits.refs.texts().join(" "));
    let here: Vec<&Protection> =
        law.protections.iter().filter(|p| p.is_about(who, repository)).collect();
    let place = repository.to_string();
    let names = Names { place: &place, pusher: "this token" };
    let mut hold = Hold::default();
    let judged: Vec<Option<String>> = push
        .changes
        .iter()
        .map(|change| {
            let own = own_rules(&who.limits.refs, &allowed, change, law.tells_force, &mut hold);
            own.map_err(|why| format!("token \"{}\" {why}", shown(&who.name)))
                .and_then(|()| protected(&here, change, names, law.tells_force, &mut hold))
                .err()
        })
        .collect();
    verdict(push, judged).map(|()| hold)
}

/// What is said of the changes of a push, one refused command refusing all.
pub(super) fn verdict(push: &Push, judged: Vec<Option<String>>) -> Result<(), PushDenial> {
    let Some(first) = judged.iter().position(Option::is_some) else { return Ok(()) };
    let name = push.changes[first].name.as_str();
    let name = if contains_form(name.as_bytes()) { "a ref whose name holds a token" } else { name };
    let text = format!("{name} is refused: {}", judged[first].as_deref().unwrap_or_default());
    let reasons = judged.into_iter().map(|why| why.unwrap_or_else(|| OTHER.to_owned())).collect();
    Err(PushDenial { reasons, text })
}

/// The most steps that matching may take: a second of a core, at the worst that patterns can be made.
const MOST_COST: usize = 500_000_000;
/// The longest that the rules of a token are told at.
const LONGEST: usize = 200;

/// Refuses a push whose names would be matched against the patterns for too long: `own` is the length of
/// those that a token brings. The bound is every pattern against every name.
pub(super) fn check_cost(
    own: usize,
    push: &Push,
    protections: &[Protection],
) -> Result<(), PushDenial> {
    let rules = own + protections.iter().map(|protection| length(&protection.refs)).sum::<usize>();
    let names: usize = push.changes.iter().map(|change| change.name.as_str().len()).sum();
    if rules.saturating_mul(names) <= MOST_COST {
        return Ok(());
    }
    let text = "it changes too many refs for the rules that it is held to; push fewer at a time";
    let text = text.to_owned();
    Err(PushDenial { reasons: vec![text.clone(); push.changes.len()], text })
}

fn length(patterns: &[Pattern]) -> usize {
    patterns.iter().map(|pattern| pattern.glob().len()).sum()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The name of a token within the quotes of a message.
fn shown(name: &str) -> String {
    name.chars().filter(|c| *c != '"').take(60).collect()
}

fn own_rules(
    rules: &RefRules,
    allowed: &str,
    change: &RefChange,
    tells_force: bool,
    hold: &mut Hold,
) -> Result<(), String> {
    let name = &change.name;
    let forbids = |pattern: &&Pattern| {
        pattern.forbids() && pattern.matches_at_or_above(name.as_str(), NameCase::Ignore)
    };
    let mut allowing = rules.patterns().iter().filter(|pattern| !pattern.forbids()).peekable();
    let narrowed = allowing.peek().is_some();
    let named = allowing.any(|pattern| pattern.matches(name.as_str(), NameCase::Exact));
    if rules.patterns().iter().any(|pattern| forbids(&pattern)) || (narrowed && !named) {
        return Err(format!("may push {allowed}"));
    }
    if !named && !name.is_common() {
        return Err("may push branches, tags and notes; hosts give other refs a meaning of their \
                    own, so they must be named (--ref)"
            .to_owned());
    }
    if rules.no_tags && name.is_tag() {
        return Err("may push no tags".to_owned());
    }
    if rules.no_delete && change.deletes() {
        return Err("may delete no refs".to_owned());
    }
    if rules.no_force {
        no_force(change, tells_force, hold).map_err(|why| format!("may not force: {why}"))?;
    }
    Ok(())
}

/// Refuses what would be forced, or has git refuse it.
fn no_force(change: &RefChange, tells_force: bool, hold: &mut Hold) -> Result<(), &'static str> {
    if change.creates() || change.deletes() {
        return Ok(());
    }
    // git knows forced updates of branches only; whatever else is moved is moved by force.
    if !change.name.is_branch() {
        return Err("only branches can be moved without force");
    }
    if !tells_force {
        return Err("in front of this host a forced update cannot be told from another one");
    }
    hold.no_force = true;
    Ok(())
}

/// How a refusal names what and whom it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    /// What protects.
    pub(super) place: &'a str,
    /// Who may not.
    pub(super) pusher: &'a str,
}

/// Judges one change by the protections that hold.
pub(super) fn protected(
    here: &[&Protection],
    change: &RefChange,
    Names { place, pusher }: Names<'_>,
    tells_force: bool,
    hold: &mut Hold,
) -> Result<(), String> {
    for protection in here.iter().filter(|protection| protection.names(&change.name)) {
        let Deny { push, delete, force } = protection.deny;
        if push {
            return Err(format!("{place} protects it: {pusher} may not push to it"));
        }
        if delete && change.deletes() {
            return Err(format!("{place} protects it: {pusher} may not delete it"));
        }
        if force {
            no_force(change, tells_force, hold)
                .map_err(|why| format!("{place} protects it from force: {why}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "refs_tests.rs"]
mod tests;
