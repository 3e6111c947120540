//! What is looked at in a confined request: one that travels under an identity which can reach more than
//! its token may.
//!
//! A row of a dialect says for each operation which fields of its query and body name a project or a
//! repository. What is named there must be within the token's scope too.

/// What becomes of a confined request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confined {
    /// Its path names all that it is about.
    Pass,
    /// These fields are looked at.
    Check(&'static [Field]),
    /// It is refused: what it answers or does cannot be held to a scope. The text says what that is.
    Refuse(&'static str),
}

/// One field that names a project or a repository, or changes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it stands.
    pub at: At,
    /// What it says.
    pub says: Says,
    /// What its absence means.
    pub absent: Absent,
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A parameter of the query.
    Query(&'static str),
    /// A member of the JSON body: names of members, with dots between them; `[]` goes through a list; in front
    /// it goes through a body that is one, or not.
    Body(&'static str),
}

/// What a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A repository: as text `KEY/slug`, or as object with `slug` and `project.key`. A number is a bare id,
    /// which nobody here can place.
    Repository,
    /// A project by its key, as text or as object with `key`.
    Project,
    /// The project into which something is put, where `PROJECT_ADMIN` is needed.
    TargetProject,
    /// The name of the very place, which may not become another one: the text equals its slug or key without
    /// case.
    OwnName,
    /// The project of the very place, which may not become another one.
    OwnProject,
    /// Something that nobody here can place, as a bare id.
    Unplaceable,
    /// This text, without case, and no other: another one would widen what is asked for.
    Exactly(&'static str),
}

/// What the absence of a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The place that the path names, or nothing.
    Within,
    /// A place that the host chooses, which counts as outside.
    Outside,
}
