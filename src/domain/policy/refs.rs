//! What a push may do to refs: the token's own rules, and what the operator protects from everybody.

use super::super::git::receive_pack::{Push, RefChange};
use super::super::git::ref_name::RefName;
use super::super::names::{GroupName, NameCase, RepoPath, UserName};
use super::super::pattern::Pattern;
use super::super::principal::{Owner, TokenPrincipal};
use super::super::token::contains_form;
use super::denial::Denial;
use super::limits::RefRules;

/// What the operator protects (`[[protect]]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// In these projects; all of them without it.
    pub project: Option<Pattern>,
    /// In repositories of this name; all of them without it.
    pub repository: Option<Pattern>,
    /// These refs.
    pub refs: Vec<Pattern>,
    /// From this.
    pub deny: Deny,
    /// But not from tokens of these users.
    pub except_users: Vec<UserName>,
    /// Nor from tokens of users in these groups.
    pub except_groups: Vec<GroupName>,
    /// Whether both hold for people without a token too, who are whom their Basic credential names.
    pub except_people: bool,
}

/// What is denied of a ref.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deny {
    /// Every change.
    pub push: bool,
    /// To delete it.
    pub delete: bool,
    /// To move it to a commit that does not follow from the one before.
    pub force: bool,
}

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

/// A push option, by its name; `ci.*` is every option that begins with `ci.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionPattern(String);

impl OptionPattern {
    /// Reads a name, or the beginning of names before `*`.
    ///
    /// # Errors
    /// When it is empty or has characters that stand in no name.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.is_empty() || !name.bytes().all(plain) {
            return Err(
                "a push option is a name like ci.skip, or ci.* for every one that begins so",
            );
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Whether the option, with its value, is one of these.
    #[must_use]
    pub fn matches(&self, option: &str) -> bool {
        let name = canonical(option);
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.0,
        }
    }
}

/// The name of a push option as the most lenient host reads it: GitLab takes `mr` for `merge_request`,
/// trims both parts of a name, and passes over dots in front.
fn canonical(option: &str) -> String {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let name = name.trim_start_matches('.').to_ascii_lowercase();
    match name.strip_prefix("mr.") {
        Some(rest) => format!("merge_request.{rest}"),
        None => name,
    }
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
    let text = format!(
        "{} is refused: {}",
        push.changes[first].name,
        judged[first].as_deref().unwrap_or_default()
    );
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

impl Protection {
    /// Whether it holds for this token in this repository.
    fn is_about(&self, who: &TokenPrincipal, repository: &RepoPath) -> bool {
        let excepted = match &who.owner {
            Owner::User(name) => self.excepts(name, &who.groups),
            Owner::Project(_) | Owner::Repository(_) => false,
        };
        !excepted && self.covers(repository)
    }

    /// Whether it is about this repository. Prohibitions ignore case.
    #[must_use]
    pub fn covers(&self, repository: &RepoPath) -> bool {
        let within = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text, NameCase::Ignore))
        };
        within(&self.project, repository.project()) && within(&self.repository, repository.name())
    }

    /// Whether a user is not held to it.
    pub(super) fn excepts(&self, user: &UserName, groups: &[GroupName]) -> bool {
        self.except_users.contains(user)
            || groups.iter().any(|group| self.except_groups.contains(group))
    }

    /// Whether it is about this ref: by a pattern, unless a `!` takes it out.
    fn names(&self, name: &RefName) -> bool {
        // What is protected is so in any case; what is taken out again is so by its very name.
        let protects = |pattern: &Pattern| {
            !pattern.forbids() && pattern.matches(name.as_str(), NameCase::Ignore)
        };
        let frees = |pattern: &Pattern| {
            pattern.forbids() && pattern.matches(name.as_str(), NameCase::Exact)
        };
        self.refs.iter().any(protects) && !self.refs.iter().any(frees)
    }
}

#[cfg(test)]
#[path = "refs_tests.rs"]
mod tests;
