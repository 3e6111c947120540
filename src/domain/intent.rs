//! What a request would do.

use super::names::RepoPath;
use super::permission::Permission;

/// The kinds of things that requests do. The names are the `action` of records and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The list of refs before a fetch, or the capabilities of protocol v2.
    FetchRefs,
    /// A fetch or a clone (`git-upload-pack`).
    Fetch,
    /// The list of refs before a push.
    PushRefs,
    /// A push (`git-receive-pack`).
    Push,
    /// `git archive --remote` and the refs before it.
    Archive,
    /// A file of the repository by the dumb protocol.
    File,
    /// Anything of Git LFS.
    Lfs,
    /// A call of gitlatch's own API.
    Manage,
    /// Something that the dialect does not know.
    Unknown,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::FetchRefs,
        Self::Fetch,
        Self::PushRefs,
        Self::Push,
        Self::Archive,
        Self::File,
        Self::Lfs,
        Self::Manage,
        Self::Unknown,
    ];

    /// Its name in records, metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FetchRefs => "fetch-refs",
            Self::Fetch => "fetch",
            Self::PushRefs => "push-refs",
            Self::Push => "push",
            Self::Archive => "archive",
            Self::File => "file",
            Self::Lfs => "lfs",
            Self::Manage => "manage",
            Self::Unknown => "unknown",
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
}

/// One request, understood.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it does.
    pub action: Action,
    /// On which repository.
    pub repository: RepoPath,
    /// The permission it needs there.
    pub need: Permission,
    /// How its caller wants to be spoken to.
    pub voice: Voice,
    /// What its body must be.
    pub body: Body,
    /// The row of the dialect's table that says so.
    pub rule: &'static str,
    /// Where in the forwarded path (after the prefix) the repository's own path ends and the
    /// service's begins: the folder is `path[..service]`.
    pub service: usize,
}

impl Intent {
    /// Whether it changes something, so that the host must be told who does it.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(
            self.need,
            Permission::Repository(super::permission::Level::Read)
                | Permission::Project(super::permission::Level::Read)
        )
    }
}
