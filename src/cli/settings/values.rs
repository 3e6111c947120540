//! What the settings can be set to, as it is written on the command line.

use crate::domain::permission::{Permission, UnknownPermission};
use crate::domain::principal::OwnerKind;
use crate::domain::settings::PermissionSet;

/// A number, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Most(pub(super) Option<u32>);

/// `KIND=PERM,PERM…`: what tokens of one kind of owner may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Allow {
    pub(super) kind: OwnerKind,
    pub(super) permissions: PermissionSet,
}

/// Whether repositories may have tokens of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum RepositoryTokens {
    Allow,
    Forbid,
}

pub(super) fn max_days(text: &str) -> Result<Most, &'static str> {
    most(text).ok_or("a number of days, 1 or more, or `none`")
}

pub(super) fn max_tokens(text: &str) -> Result<Most, &'static str> {
    most(text).ok_or("a number of tokens, 1 or more, or `none`")
}

fn most(text: &str) -> Option<Most> {
    match (text, text.parse()) {
        ("none", _) => Some(Most(None)),
        (_, Ok(most @ 1..)) if !text.starts_with('+') => Some(Most(Some(most))),
        _ => None,
    }
}

pub(super) fn allow(text: &str) -> Result<Allow, String> {
    let form = || {
        format!(
            "`{text}` is not KIND=PERMISSION,PERMISSION… or KIND=all: KIND is user, project or \
             repository"
        )
    };
    let (kind, permissions) = text.split_once('=').ok_or_else(form)?;
    let kind = OwnerKind::ALL.into_iter().find(|k| k.name() == kind).ok_or_else(form)?;
    let permissions = match permissions {
        "" => return Err(form()),
        "all" => PermissionSet::ALL,
        list => read(kind, list)?,
    };
    Ok(Allow { kind, permissions })
}

fn read(kind: OwnerKind, list: &str) -> Result<PermissionSet, String> {
    let read: Result<Vec<Permission>, UnknownPermission> =
        list.split(',').map(str::parse).collect();
    let read = read.map_err(|error| error.to_string())?;
    // A token always has a permission on repositories, so without one of those there could be none.
    let on_repositories = |permission: &Permission| matches!(permission, Permission::Repository(_));
    if !read.iter().any(on_repositories) {
        return Err(format!(
            "every token has a REPO_… permission, so that tokens of a {} need one that is allowed",
            kind.name()
        ));
    }
    Ok(read.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!((max_days("none"), max_tokens("7")), (Ok(Most(None)), Ok(Most(Some(7)))));
        for bad in ["0", "-1", "+1", "x", "", "4294967296"] {
            assert!(max_days(bad).is_err() && max_tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_tokens_may_have() {
        let some = allow("user=REPO_READ,REPO_WRITE").expect("a list");
        assert_eq!(some.kind, OwnerKind::User);
        let names: Vec<_> = some.permissions.iter().map(Permission::name).collect();
        assert_eq!(names, ["REPO_READ", "REPO_WRITE"]);
        assert!(allow("repository=all").expect("all").permissions.is_all());
        for bad in
            ["user", "user=", "people=all", "user=ALL", "user=REPO_READ,", "project=PROJECT_READ"]
        {
            assert!(allow(bad).is_err(), "{bad}");
        }
    }
}
