//! One segment of a path pattern, and which segments of a request it stands for.
//!
//! A literal stands for exactly its bytes. A capture is as tight as what Bitbucket puts there, so that a
//! literal in another spelling (`Merge`, `%6Derge`) is never taken for a number, a key or a name.

use super::super::path::decode;

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Exactly this text, byte for byte.
    Literal(&'static str),
    /// One segment of a kind.
    Capture(Capture),
    /// `{path}`: everything that is left, at least one segment: the name of a file, a tag or a branch.
    Rest,
    /// `**`: everything that is left, and nothing at all.
    Below,
}

/// What one segment may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    /// `{version}`: `latest`, or two numbers like `1.0`.
    Version,
    /// `{project}`: a key, or `~` and a user's slug.
    Project,
    /// `{personal}`: the key of a personal project, `~` and a user's slug.
    Personal,
    /// `{repo}`: a slug.
    Repository,
    /// `{id}`: digits.
    Number,
    /// `{hash}`: hexadecimal digits.
    Hash,
    /// `{commit}`: the id of a commit, or a ref without a slash.
    Commit,
    /// `{permission}`: a permission's name, upper-case.
    Permission,
    /// `{word}`: letters, digits and hyphens.
    Word,
    /// `{name}`, `{user}`, `{key}`: what people or plug-ins named.
    Name,
    /// `{id}` with an ending: digits and that.
    Numbered(&'static str),
    /// `*`: anything; only for what no token may do.
    Anything,
}

impl Segment {
    /// Reads one segment of a pattern.
    pub(super) fn new(text: &'static str) -> Self {
        match text {
            "{path}" => Self::Rest,
            "**" => Self::Below,
            _ => Capture::new(text).map_or(Self::Literal(text), Self::Capture),
        }
    }
}

impl Capture {
    fn new(text: &'static str) -> Option<Self> {
        Some(match text {
            "{version}" => Self::Version,
            "{project}" => Self::Project,
            "{personal}" => Self::Personal,
            "{repo}" => Self::Repository,
            "{id}" | "{comment}" => Self::Number,
            "{hash}" => Self::Hash,
            "{commit}" => Self::Commit,
            "{permission}" => Self::Permission,
            "{word}" => Self::Word,
            "{name}" | "{user}" | "{key}" => Self::Name,
            "*" => Self::Anything,
            _ => Self::Numbered(text.strip_prefix("{id}")?),
        })
    }

    /// Whether it stands for this raw segment.
    pub(super) fn admits(self, raw: &str) -> bool {
        let plain = |len: usize, ok: fn(u8) -> bool| {
            !raw.is_empty() && raw.len() <= len && raw.bytes().all(ok)
        };
        match self {
            Self::Version => is_version(raw),
            Self::Project => is_project(&decode(raw)),
            Self::Personal => {
                let text = decode(raw);
                text.starts_with('~') && is_project(&text)
            }
            Self::Repository => is_repository(&decode(raw)),
            Self::Number => plain(19, |b| b.is_ascii_digit()),
            Self::Hash => raw.len() >= 4 && plain(64, |b| b.is_ascii_hexdigit()),
            Self::Commit => is_commit(&decode(raw)),
            Self::Permission => plain(64, |b| b.is_ascii_uppercase() || b == b'_'),
            Self::Word => plain(64, |b| b.is_ascii_alphanumeric() || b == b'-'),
            Self::Name => is_name(&decode(raw)),
            Self::Numbered(ending) => {
                raw.strip_suffix(ending).is_some_and(|number| Self::Number.admits(number))
            }
            Self::Anything => !raw.is_empty(),
        }
    }
}

fn is_version(text: &str) -> bool {
    let number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text == "latest"
        || text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

/// A project's key begins with a letter; a personal project is `~` and the slug of a user.
fn is_project(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if let Some(user) = text.strip_prefix('~') {
        let slug = |b: u8| rest(b) || b".@+".contains(&b);
        return !user.is_empty()
            && user.len() <= 255
            && user.bytes().all(slug)
            && !ends_in_git(user);
    }
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    starts && text.len() <= 128 && text.bytes().all(rest)
}

fn is_repository(text: &str) -> bool {
    let slug = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    starts && text.len() <= 128 && text.bytes().all(slug) && !ends_in_git(text)
}

/// The id of a commit, or a branch or tag without a slash (`git check-ref-format`).
fn is_commit(text: &str) -> bool {
    let odd = |b: u8| !(0x21..0x7f).contains(&b) || b"/\\;%?#*[:^~\"<>|".contains(&b);
    !text.is_empty() && text.len() <= 255 && !text.bytes().any(odd) && !text.contains("..")
}

fn is_name(text: &str) -> bool {
    let odd = |b: u8| !(0x20..0x7f).contains(&b) || b"/\\;%?#".contains(&b);
    !text.is_empty() && text.len() <= 255 && !text.bytes().any(odd)
}

fn ends_in_git(text: &str) -> bool {
    let ending = text.len().checked_sub(4).and_then(|at| text.get(at..));
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".git"))
}
