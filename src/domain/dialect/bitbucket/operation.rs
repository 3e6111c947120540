//! What a table of operations is made of.

use super::super::super::confined::{Absent, At, Confined, Field, Says};
use super::super::super::intent::{Action, Body, Effects, NameEffect, Need};

/// What the tables call the needs by.
pub(super) mod need {
    use super::super::super::super::intent::{Need, Never};
    use super::super::super::super::permission::{Level, Permission};

    pub(in crate::domain::dialect::bitbucket) const ANY: Need = Need::Any;
    pub(in crate::domain::dialect::bitbucket) const REPO_READ: Need =
        Need::Permission(Permission::Repository(Level::Read));
    pub(in crate::domain::dialect::bitbucket) const REPO_WRITE: Need =
        Need::Permission(Permission::Repository(Level::Write));
    pub(in crate::domain::dialect::bitbucket) const REPO_ADMIN: Need =
        Need::Permission(Permission::Repository(Level::Admin));
    pub(in crate::domain::dialect::bitbucket) const PROJECT_READ: Need =
        Need::Permission(Permission::Project(Level::Read));
    pub(in crate::domain::dialect::bitbucket) const PROJECT_WRITE: Need =
        Need::Permission(Permission::Project(Level::Write));
    pub(in crate::domain::dialect::bitbucket) const PROJECT_ADMIN: Need =
        Need::Permission(Permission::Project(Level::Admin));
    pub(in crate::domain::dialect::bitbucket) const NEVER_MERGE: Need = Need::Never(Never::Merge);
    pub(in crate::domain::dialect::bitbucket) const NEVER_LOGIN: Need = Need::Never(Never::Login);
    pub(in crate::domain::dialect::bitbucket) const NEVER_ACCOUNT: Need =
        Need::Never(Never::Account);
    pub(in crate::domain::dialect::bitbucket) const NEVER_ADMIN: Need =
        Need::Never(Never::Administration);
    pub(in crate::domain::dialect::bitbucket) const NEVER_PAGE: Need = Need::Never(Never::Page);
}

/// The methods of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
    /// Every method but `GET` and `HEAD`, known or not. For what no token may do.
    Change,
    /// Every method, known or not. For what no token may do.
    Any,
}

impl Verb {
    /// Whether a request with this method is meant.
    pub(super) fn takes(self, method: &str) -> bool {
        match self {
            Self::Get => matches!(method, "GET" | "HEAD"),
            Self::Post => method == "POST",
            Self::Put => method == "PUT",
            Self::Delete => method == "DELETE",
            Self::Change => !matches!(method, "GET" | "HEAD"),
            Self::Any => true,
        }
    }

    /// The methods, for people.
    pub(super) const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["GET", "HEAD"],
            Self::Post => &["POST"],
            Self::Put => &["PUT"],
            Self::Delete => &["DELETE"],
            Self::Change => &["POST", "PUT", "DELETE", "PATCH"],
            Self::Any => &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"],
        }
    }

    /// The one that stands for them.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Change => "!GET",
            Self::Any => "*",
        }
    }
}

/// One operation: which requests it means, what they do and what they need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) verb: Verb,
    /// Segments between slashes: literals, and captures as [`super::segment`] reads them.
    pub(super) path: &'static str,
    pub(super) action: Action,
    pub(super) need: Need,
    pub(super) body: Body,
    pub(super) confined: Confined,
    pub(super) effects: Effects,
    pub(super) note: &'static str,
}

const JSON: Body = Body::OneOf(&["application/json"]);

impl Operation {
    /// One whose path names all that it is about. A change takes JSON: Bitbucket wants bodies even of
    /// DELETE.
    pub(super) const fn new(
        name: &'static str,
        verb: Verb,
        path: &'static str,
        action: Action,
        need: Need,
        note: &'static str,
    ) -> Self {
        let body = match verb {
            Verb::Get => Body::None,
            Verb::Post | Verb::Put | Verb::Delete => JSON,
            Verb::Change | Verb::Any => Body::Opaque,
        };
        let effects =
            Effects { refs: false, commits: false, outlives: false, name: NameEffect::Stays };
        Self { name, verb, path, action, need, body, confined: Confined::Pass, effects, note }
    }

    /// Its body is of one of these media types.
    pub(super) const fn takes(self, types: &'static [&'static str]) -> Self {
        Self { body: Body::OneOf(types), ..self }
    }

    /// Its body is a form with a file in it.
    pub(super) const fn upload(self) -> Self {
        self.takes(&["multipart/form-data"])
    }

    /// These fields are looked at in a confined request.
    pub(super) const fn check(self, fields: &'static [Field]) -> Self {
        Self { confined: Confined::Check(fields), ..self }
    }

    /// It is refused in a confined request, for what it is.
    pub(super) const fn refuse(self, what: &'static str) -> Self {
        Self { confined: Confined::Refuse(what), ..self }
    }

    /// It creates, moves or deletes a ref.
    pub(super) const fn refs(self) -> Self {
        Self { effects: Effects { refs: true, ..self.effects }, ..self }
    }

    /// It commits, which writes a ref too.
    pub(super) const fn commits(self) -> Self {
        Self { effects: Effects { refs: true, commits: true, ..self.effects }, ..self }
    }

    /// What it makes goes on without the token.
    pub(super) const fn outlives(self) -> Self {
        Self { effects: Effects { outlives: true, ..self.effects }, ..self }
    }

    /// It ends the name of the place.
    pub(super) const fn ends(self) -> Self {
        Self { effects: Effects { name: NameEffect::Ends, ..self.effects }, ..self }
    }

    /// It may change the name of the place.
    pub(super) const fn renames(self) -> Self {
        Self { effects: Effects { name: NameEffect::MayChange, ..self.effects }, ..self }
    }
}

/// A parameter of the query.
pub(super) const fn query(name: &'static str, says: Says) -> Field {
    Field { at: At::Query(name), says, absent: Absent::Within }
}

/// A member of the body that may be left out.
pub(super) const fn body(name: &'static str, says: Says) -> Field {
    Field { at: At::Body(name), says, absent: Absent::Within }
}

/// A member of the body without which the host would choose a place.
pub(super) const fn chosen(name: &'static str, says: Says) -> Field {
    Field { at: At::Body(name), says, absent: Absent::Outside }
}

/// Where settings say for which place they hold, by a bare id. Several at once come as a list.
pub(super) const SCOPE: &[Field] = &[body("[].scope", Says::Unplaceable)];

/// Declares a table. Each line is a name, the methods, the path below the root, an action, a need and
/// what it is; what else there is to say follows as calls of [`Operation`]'s methods.
macro_rules! operations {
    ($(#[doc = $doc:literal])+ $table:ident below $root:literal {
        $($name:literal $verb:ident $path:literal $action:ident $need:ident $note:literal
          $(.$also:ident($($value:expr),*))*;)+
    }) => {
        $(#[doc = $doc])+
        pub(super) const $table: &[Operation] = &[$(
            Operation::new(
                $name, Verb::$verb, concat!($root, $path), Action::$action, need::$need, $note,
            )$(.$also($($value),*))*
        ),+];
    };
}
pub(super) use operations;
