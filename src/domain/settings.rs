//! What administrators demand of new tokens, and whether a token meets it.

use super::permission::{Permission, Permissions};
use super::principal::OwnerKind;
use super::timestamp::Timestamp;

/// Milliseconds in a day.
pub const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What administrators demand of every new token. Tokens that exist are never changed by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether a token must expire.
    pub expiry_required: bool,
    /// The most days that a token may live; `None` is no limit.
    pub max_days: Option<u32>,
    /// The most tokens that one owner may have at a time; `None` is no limit.
    pub max_tokens: Option<u32>,
    /// The permissions that tokens may have.
    pub allowed: Allowed,
}

/// The permissions that tokens of each kind of owner may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Tokens of users.
    pub user: PermissionSet,
    /// Tokens of projects.
    pub project: PermissionSet,
    /// Tokens of repositories.
    pub repository: PermissionSet,
}

impl Allowed {
    /// Those of one kind of owner.
    #[must_use]
    pub const fn of(self, kind: OwnerKind) -> PermissionSet {
        match kind {
            OwnerKind::User => self.user,
            OwnerKind::Project => self.project,
            OwnerKind::Repository => self.repository,
        }
    }

    /// Those of one kind of owner, to be changed.
    pub const fn of_mut(&mut self, kind: OwnerKind) -> &mut PermissionSet {
        match kind {
            OwnerKind::User => &mut self.user,
            OwnerKind::Project => &mut self.project,
            OwnerKind::Repository => &mut self.repository,
        }
    }
}

/// A set of permissions; the default is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionSet(u8);

impl PermissionSet {
    /// Every permission.
    pub const ALL: Self = Self((1 << Permission::ALL.len()) - 1);

    /// Whether this one is in it.
    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & Self::bit(permission) != 0
    }

    /// Whether every one is in it.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Those in it, as [`Permission::ALL`] orders them.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }

    fn bit(permission: Permission) -> u8 {
        let at = Permission::ALL.into_iter().position(|other| other == permission);
        1 << at.unwrap_or_default()
    }
}

impl Default for PermissionSet {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | Self::bit(permission)))
    }
}

/// What the administrators of one project demand beside [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectSettings {
    /// Whether the repositories directly in it may have tokens of their own.
    pub repository_tokens: bool,
}

impl Default for ProjectSettings {
    fn default() -> Self {
        Self { repository_tokens: true }
    }
}

/// Why a new token may not be made, or may not have the expiry that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No expiry was given where one is required.
    #[error("tokens must expire here{}; say when", most(*.0))]
    Required(Option<u32>),
    /// The expiry is later than the limit.
    #[error("tokens may live at most {0} days here")]
    TooLate(u32),
    /// The expiry is now or in the past.
    #[error("a token must live longer than that")]
    Past,
    /// The owner has as many tokens as it may have.
    #[error(
        "{owner} has {count} live tokens, and one owner may have {most} here; revoke some first"
    )]
    TooMany {
        /// Whose tokens.
        owner: String,
        /// How many there are.
        count: u64,
        /// The limit.
        most: u32,
    },
    /// Tokens of this kind of owner may not have the permission.
    #[error("tokens of a {kind} may not have {permission} here; they may have {allowed}")]
    NotAllowed {
        /// The kind of owner.
        kind: &'static str,
        /// The permission.
        permission: Permission,
        /// What they may have.
        allowed: String,
    },
    /// The project's administrators forbade tokens of its repositories.
    #[error("the administrators of the project {0} have forbidden tokens of its repositories")]
    NoRepositoryTokens(String),
}

fn most(days: Option<u32>) -> String {
    days.map(|days| format!(", within {days} days")).unwrap_or_default()
}

impl Settings {
    /// The expiry of a token made `now` that is to live for `lifetime` milliseconds.
    ///
    /// # Errors
    /// When these settings do not allow it. A limit of days holds only for tokens that expire,
    /// unless expiry is required.
    pub fn expiry(
        self,
        lifetime: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, PolicyError> {
        if lifetime.is_some_and(|lifetime| lifetime <= 0) {
            return Err(PolicyError::Past);
        }
        self.admit_lifetime(lifetime)?;
        Ok(lifetime.map(|lifetime| now.plus_millis(lifetime)))
    }

    fn admit_lifetime(self, lifetime: Option<i64>) -> Result<(), PolicyError> {
        match (lifetime, self.max_days) {
            (None, days) if self.expiry_required => Err(PolicyError::Required(days)),
            (Some(lifetime), Some(days)) if lifetime > i64::from(days) * DAY_MILLIS => {
                Err(PolicyError::TooLate(days))
            }
            _ => Ok(()),
        }
    }

    fn admit_permissions(
        self,
        permissions: Permissions,
        kind: OwnerKind,
    ) -> Result<(), PolicyError> {
        let allowed = self.allowed.of(kind);
        let Some(permission) = permissions.iter().find(|permission| !allowed.has(*permission))
        else {
            return Ok(());
        };
        let names: Vec<_> = allowed.iter().map(Permission::name).collect();
        let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(PolicyError::NotAllowed { kind: kind.name(), permission, allowed })
    }

    /// Whether a token may be made, or may be given these permissions.
    ///
    /// # Errors
    /// What of these settings it breaks: permissions first, then its lifetime.
    pub fn admit(
        self,
        kind: OwnerKind,
        permissions: Permissions,
        created: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<(), PolicyError> {
        self.admit_permissions(permissions, kind)?;
        self.admit_lifetime(expires.map(|end| end.as_millis().saturating_sub(created.as_millis())))
    }

    /// Whether a token that exists may be given these permissions: its expiry is what it is.
    ///
    /// # Errors
    /// The first permission that tokens of this kind of owner may not have.
    pub fn admit_edit(self, kind: OwnerKind, permissions: Permissions) -> Result<(), PolicyError> {
        self.admit_permissions(permissions, kind)
    }

    /// Whether an owner who has `count` tokens may have one more.
    ///
    /// # Errors
    /// When it may not.
    pub fn admit_one_more(self, count: u64, owner: &str) -> Result<(), PolicyError> {
        match self.max_tokens {
            Some(most) if count >= u64::from(most) => {
                Err(PolicyError::TooMany { owner: owner.to_owned(), count, most })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_follows_the_settings() {
        let free = Settings::default();
        let strict = Settings { expiry_required: true, max_days: Some(30), ..free };
        let capped = Settings { max_days: Some(1), ..free };
        let now = Timestamp::from_millis(1000);
        let cases = [
            (free, None, Ok(None)),
            (free, Some(5), Ok(Some(Timestamp::from_millis(1005)))),
            (free, Some(0), Err(PolicyError::Past)),
            (strict, None, Err(PolicyError::Required(Some(30)))),
            (strict, Some(30 * DAY_MILLIS), Ok(Some(now.plus_millis(30 * DAY_MILLIS)))),
            (strict, Some(30 * DAY_MILLIS + 1), Err(PolicyError::TooLate(30))),
            (capped, None, Ok(None)),
            (capped, Some(2 * DAY_MILLIS), Err(PolicyError::TooLate(1))),
        ];
        for (settings, lifetime, expected) in cases {
            assert_eq!(settings.expiry(lifetime, now), expected, "{settings:?} {lifetime:?}");
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        for permission in Permission::ALL {
            let one: PermissionSet = [permission].into_iter().collect();
            assert_eq!(one.iter().collect::<Vec<_>>(), [permission]);
            assert!(PermissionSet::default().has(permission) && !one.is_all());
        }
        assert!(Permission::ALL.into_iter().collect::<PermissionSet>().is_all());
    }

    #[test]
    fn permissions_and_numbers_are_held_to_the_settings() {
        let write: Permission = "REPO_WRITE".parse().expect("a permission");
        let allowed = Allowed { user: [write].into_iter().collect(), ..Allowed::default() };
        let settings = Settings { max_tokens: Some(2), allowed, ..Settings::default() };
        let now = Timestamp::from_millis(0);
        let admit = |kind, asked: &str| {
            let asked = [asked.parse().expect("a permission")];
            let permissions = Permissions::combine(&asked, kind).expect("a combination");
            settings.admit(kind, permissions, now, None).map_err(|error| error.to_string())
        };
        assert_eq!(admit(OwnerKind::User, "REPO_WRITE"), Ok(()));
        assert_eq!(admit(OwnerKind::Project, "PROJECT_ADMIN"), Ok(()));
        let text = "tokens of a user may not have REPO_READ here; they may have REPO_WRITE";
        assert_eq!(admit(OwnerKind::User, "REPO_READ"), Err(text.to_owned()));
        assert_eq!(settings.admit_one_more(1, "user alice"), Ok(()));
        assert!(settings.admit_one_more(2, "user alice").is_err());
    }
}
