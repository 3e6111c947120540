//! Pushes of people who send no token: what the operator protects binds them too.
//!
//! gitlatch does not know who they are. The host proves that, behind it.

use super::super::git::receive_pack::Push;
use super::super::names::{GroupName, RepoPath, UserName};
use super::protection::Protection;
use super::refs::{self, Hold, Names, PushDenial};

/// A person as the request names them, which the host believes or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The user name of the one credential; without one nobody's exception holds.
    pub name: Option<UserName>,
    /// The groups of gitlatch's user of that name.
    pub groups: Vec<GroupName>,
}

/// Those that could be about a push to this repository. Where no repository can be read from the
/// request, every one could.
pub fn about<'a>(
    protections: &'a [Protection],
    repository: Option<&RepoPath>,
) -> impl Iterator<Item = &'a Protection> {
    protections.iter().filter(move |one| repository.is_none_or(|path| one.covers(path)))
}

/// Judges a push of a person by these protections, the ones [`about`] its repository.
///
/// # Errors
/// When one of its changes is refused.
pub fn judge(
    person: &Person,
    repository: Option<&RepoPath>,
    push: &Push,
    protections: &[Protection],
) -> Result<(), PushDenial> {
    refs::check_cost(0, push, protections)?;
    let excepted = |protection: &Protection| {
        let name = person.name.as_ref().filter(|_| protection.except_people);
        name.is_some_and(|name| protection.excepts(name, &person.groups))
    };
    let here: Vec<&Protection> =
        about(protections, repository).filter(|protection| !excepted(protection)).collect();
    let place = repository.map_or_else(|| "the operator".to_owned(), ToString::to_string);
    let pusher = person.name.as_ref().map_or("you", UserName::as_str);
    let names = Names { place: &place, pusher };
    let judged = push.changes.iter().map(|change| {
        // People pass to hosts only, where nothing can hold a push to its being no forced one.
        refs::protected(&here, change, names, false, &mut Hold::default()).err()
    });
    refs::verdict(push, judged.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::git::receive_pack::RefChange;
    use crate::domain::git::ref_name::RefName;
    use crate::domain::names::{ProjectPath, RepoName};
    use crate::domain::pattern::Pattern;
    use crate::domain::policy::protection::Deny;

    fn protection(except_people: bool) -> Protection {
        Protection {
            project: Some(Pattern::new("team").expect("a pattern")),
            repository: None,
            refs: vec![Pattern::new("refs/heads/main").expect("a pattern")],
            deny: Deny { push: true, ..Deny::default() },
            except_users: vec![UserName::new("alice").expect("a name")],
            except_groups: vec![GroupName::new("leads").expect("a name")],
            except_people,
        }
    }

    fn person(name: &str, group: &str) -> Person {
        let groups = GroupName::new(group).into_iter().collect();
        Person { name: UserName::new(name).ok(), groups }
    }

    /// Every line: who, in which group, whether the exceptions hold for people, and what is said.
    #[test]
    fn people_are_held_to_what_is_protected() {
        let cases = [
            ("", "", true, "team/app protects it: you may not push to it"),
            ("bob", "", true, "team/app protects it: bob may not push to it"),
            ("bob", "others", true, "team/app protects it: bob may not push to it"),
            ("bob", "leads", true, ""),
            ("bob", "leads", false, "team/app protects it: bob may not push to it"),
            ("Alice", "", true, ""),
            ("alice", "", false, "team/app protects it: alice may not push to it"),
            ("", "leads", true, "team/app protects it: you may not push to it"),
        ];
        let path = |project, name| {
            let project = ProjectPath::new(project).expect("a name");
            RepoPath::new(&project, &RepoName::new(name).expect("a name"))
        };
        let change = RefChange {
            name: RefName::new(b"refs/heads/main").expect("a name"),
            old: "1".repeat(40),
            new: "2".repeat(40),
        };
        let push = Push { changes: vec![change], ..Push::default() };
        for (name, group, for_people, expected) in cases {
            let protections = [protection(for_people)];
            let who = person(name, group);
            let said = |repository: Option<&RepoPath>| {
                let judged = judge(&who, repository, &push, &protections);
                judged.map_err(|denial| denial.reasons[0].clone()).err().unwrap_or_default()
            };
            assert_eq!(said(Some(&path("team", "app"))), expected, "{name} {group} {for_people}");
            assert_eq!(said(Some(&path("other", "app"))), "", "{name} {group} {for_people}");
            let anywhere = expected.replace("team/app", "the operator");
            assert_eq!(said(None), anywhere, "{name} {group} {for_people}");
        }
    }
}
