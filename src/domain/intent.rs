//! What a request would do.

use super::names::{ProjectPath, RepoPath};
use super::permission::{Level, Permission};
use std::borrow::Cow;
use std::fmt;

pub use super::confined::Confined;

/// Declares the actions with their names, which are the `action` of records and metrics.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// The kinds of things that requests do. The names are the `action` of records and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in records, metrics and messages.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    /// The list of refs before a fetch, or the capabilities of protocol v2.
    FetchRefs = "fetch-refs",
    /// A fetch or a clone (`git-upload-pack`).
    Fetch = "fetch",
    /// The list of refs before a push.
    PushRefs = "push-refs",
    /// A push (`git-receive-pack`).
    Push = "push",
    /// `git archive --remote` and the refs before it.
    Archive = "archive",
    /// A file of the repository by the dumb protocol.
    File = "file",
    /// Git LFS: asks where objects are or go.
    LfsBatch = "lfs-batch",
    /// Git LFS: gets an object.
    LfsDownload = "lfs-download",
    /// Git LFS: puts an object.
    LfsUpload = "lfs-upload",
    /// Git LFS: asks whether an upload came whole.
    LfsVerify = "lfs-verify",
    /// Git LFS: lists, makes or ends locks.
    LfsLocks = "lfs-locks",
    /// REST: looks at something.
    Read = "read",
    /// REST: changes something that is none of the below.
    Write = "write",
    /// REST: opens, changes, declines, reviews or comments on a pull request.
    PullRequest = "pull-request",
    /// REST: makes a commit.
    Commit = "commit",
    /// REST: looks at or changes the settings or permissions of a repository.
    Settings = "settings",
    /// REST: looks at or changes the settings or permissions of a project.
    ProjectSettings = "project-settings",
    /// REST: forks a repository.
    Fork = "fork",
    /// REST: creates a repository.
    CreateRepository = "create-repository",
    /// Merges a pull request, or mimics, schedules or cancels that.
    Merge = "merge",
    /// Obtains a session.
    Login = "login",
    /// Looks at or changes an account.
    Account = "account",
    /// Administers the host.
    Administration = "administration",
    /// Looks at the host's web pages, or uses what is behind them.
    Page = "page",
    /// A call of gitlatch's own API.
    Manage = "manage",
    /// Something that the dialect does not know.
    Unknown = "unknown",
}

/// Where a request acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the whole host, or on nothing in particular of it.
    Host,
    /// On a project as such.
    Project(ProjectPath),
    /// On one repository.
    Repository(RepoPath),
}

impl Place {
    /// The repository, if it is one.
    #[must_use]
    pub const fn repository(&self) -> Option<&RepoPath> {
        match self {
            Self::Repository(path) => Some(path),
            Self::Host | Self::Project(_) => None,
        }
    }

    /// The project that it is or lies in.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Host => None,
            Self::Project(path) => Some(path.as_str()),
            Self::Repository(path) => Some(path.project()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host"),
            Self::Project(path) => write!(f, "project {path}"),
            Self::Repository(path) => write!(f, "{path}"),
        }
    }
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// To be a token at all, as for the record of its own project.
    Any,
    /// This permission at the place.
    Permission(Permission),
    /// What no token has.
    Never(Never),
}

impl Need {
    /// Its name in tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any token",
            Self::Permission(permission) => permission.name(),
            Self::Never(_) => "never",
        }
    }

    /// The level that it needs, if it can be had; any token at all can read.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::Any => Some(Level::Read),
            Self::Permission(Permission::Project(level) | Permission::Repository(level)) => {
                Some(level)
            }
            Self::Never(_) => None,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What no token may do, whatever its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Never {
    /// Merge a pull request, or mimic, schedule or cancel that.
    Merge,
    /// Log in to the web pages, or obtain a session.
    Login,
    /// Look at or change an account: tokens, keys, passwords, settings, avatars, sign-on.
    Account,
    /// Administer the host.
    Administration,
    /// Use the web pages.
    Page,
}

impl Never {
    /// Why, as a caller is told.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Merge => {
                "no token merges a pull request, nor schedules, cancels or mimics a merge: a person does"
            }
            Self::Login => "no token logs in to the web pages or obtains a session",
            Self::Account => {
                "no token reads or changes an account: its tokens, keys, password or settings"
            }
            Self::Administration => "no token administers the host",
            Self::Page => "no token uses the web pages; tokens are for Git and REST",
        }
    }
}

/// The language that the caller of a path understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// `text/plain`, which git prints as `remote: …`.
    Git,
    /// The JSON of Git LFS.
    Lfs,
    /// The JSON of REST, with the error object that Bitbucket has.
    Rest,
}

/// What must hold for the body of a request before it is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// It is of exactly this media type.
    Typed(&'static str),
    /// When there is one, it is of one of these media types, whatever their parameters.
    OneOf(&'static [&'static str]),
    /// It is whatever it is, as the object of an upload.
    Opaque,
}

/// What else a request does that somebody must know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// It creates, moves or deletes a ref, or commits: refused where refs are held to rules.
    pub refs: bool,
    /// It commits, for which a person is needed.
    pub commits: bool,
    /// What it makes goes on without the token: access keys, grants, webhooks.
    pub outlives: bool,
    /// What becomes of the name of the place, to which tokens belong.
    pub name: NameEffect,
}

/// What becomes of the name of a project or repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameEffect {
    /// It stays.
    #[default]
    Stays,
    /// It is deleted.
    Ends,
    /// It may become another one, as the body says.
    MayChange,
}

/// One request, understood.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it does.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// What it needs there.
    pub need: Need,
    /// What it needs besides, by a rule of the operator's.
    pub also: Vec<Need>,
    /// How its caller wants to be spoken to.
    pub voice: Voice,
    /// What its body must be.
    pub body: Body,
    /// What is looked at besides when its identity can reach more than its token may.
    pub confined: Confined,
    /// What else it does.
    pub effects: Effects,
    /// The row of the dialect's table, or the operator's rule, that says so.
    pub rule: Cow<'static, str>,
    /// Of a request for Git: where in the forwarded path (after the prefix) the repository's own path ends
    /// and the service's begins: the folder is `path[..service]`.
    pub service: usize,
}

impl Intent {
    /// Whether it changes something, so that the host must be told who does it.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.need.level() != Some(Level::Read)
    }
}
