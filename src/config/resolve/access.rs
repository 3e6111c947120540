//! `[access]`: who may come in without a token, and whose rights count.

use crate::config::mistake::Place;
use crate::config::read::{Found, Section};
use crate::config::{Access, Passwords};
use crate::domain::dialect::{Kind, path};

/// Whose rights the upstream can enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// The person's own: it is told who is asking.
    Personal,
    /// Nobody's in particular: all share the identity that is chosen at this place.
    Shared(Place),
    /// The same, and it is told nothing at all: it shows a token's request what it shows anybody.
    Silent(Place),
    /// None: it is a folder.
    Folder,
}

/// Reads the section. `rights` is `None` when the upstream's identity could not be read.
pub(super) fn read(
    section: &mut Section<'_>,
    rights: Option<Rights>,
    kind: Option<Kind>,
) -> Option<Access> {
    let people = section.choice("people", &[("refuse", false), ("pass", true)]);
    let users = section.choice("users", &[("upstream", false), ("grants", true)]);
    let anonymous = section.choice("anonymous", &[("refuse", false), ("read", true)]);
    let passwords = passwords(section, rights, kind);
    if let (Some(rights), Some(users)) = (rights, &users) {
        check_users(section, rights, users);
    }
    let folder = rights == Some(Rights::Folder);
    if let Some(people) = people.as_ref().filter(|people| folder && people.value) {
        let text =
            "`people`: with `repositories` nobody proves a password: set people = \"refuse\"";
        section.notes.error(people.place, text);
    }
    let silent = matches!(rights, Some(Rights::Silent(_)));
    if let Some(people) = people.as_ref().filter(|people| silent && people.value) {
        let text = "`people`: in mode \"none\" the host does for anybody what it does for tokens, so \
                    that whoever sends none would be held to nothing: set people = \"refuse\"";
        section.notes.error(people.place, text);
    }
    if let Some(anonymous) = anonymous.as_ref().filter(|read| silent && read.value) {
        let text = "`anonymous`: in mode \"none\" every repository that tokens can read is public \
                    then: the host cannot tell the two apart";
        section.notes.warning(anonymous.place, text);
    }
    Some(Access {
        people_pass: people?.value,
        users_by_grants: users?.value || folder,
        anonymous_read: anonymous?.value,
        passwords: passwords?,
    })
}

/// Refuses `users = "upstream"` where the upstream cannot tell users apart.
fn check_users(section: &mut Section<'_>, rights: Rights, users: &Found<bool>) {
    match rights {
        Rights::Shared(identity) | Rights::Silent(identity) if !users.value => {
            let place = if users.own { users.place } else { identity };
            let text = "under an identity that all share (mode \"none\" or \"fixed\") the host \
                        cannot tell users apart: set users = \"grants\" in [access]";
            section.notes.error(place, text);
        }
        // The default of the example is for hosts; a folder's is "grants".
        Rights::Folder if users.own && !users.value => {
            let text = "`users`: with `repositories` no host enforces rights: set \
                        users = \"grants\", or leave it out";
            section.notes.error(users.place, text);
        }
        _ => {}
    }
}

/// Who proves a person's password, and what the host is asked for when it does.
fn passwords(
    section: &mut Section<'_>,
    rights: Option<Rights>,
    kind: Option<Kind>,
) -> Option<Passwords> {
    let asks = section.choice("passwords", &[("local", false), ("upstream", true)]);
    let path = section.parsed("password_path", password_path);
    let path_key = section.set("password_path");
    let asks = asks?;
    if !asks.value {
        if let Some(place) = path_key {
            let text = "`password_path` belongs to passwords = \"upstream\", and passwords is \
                        \"local\"";
            section.notes.error(place, text);
        }
        return Some(Passwords::Local);
    }
    if rights == Some(Rights::Folder) {
        let text = "`passwords`: with `repositories` there is no host to ask: set passwords = \
                    \"local\"";
        section.notes.error(asks.place, text);
        return None;
    }
    match (path, path_key) {
        (Some(path), _) => Some(Passwords::Upstream { path: path.value }),
        (None, Some(_)) => None,
        (None, None) => {
            let usual = kind?.password_path();
            if usual.is_none() {
                let text = "`passwords`: \"upstream\" needs `password_path` with this kind of host: \
                            a path there that answers 200 to a right name and password and 401 to a \
                            wrong one, such as password_path = \"/api/v1/user\" of Gitea";
                section.notes.error(asks.place, text);
            }
            Some(Passwords::Upstream { path: usual?.to_owned() })
        }
    }
}

/// Reads a path that means the same to everybody: it is sent as it stands here.
fn password_path(text: &str) -> Result<String, &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&b);
    if path::check(text).is_err() || !text.bytes().all(plain) {
        return Err(
            "a path on the host begins with / and has no query, no fragment, no percent escapes and \
             no empty, `.` or `..` segment",
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_prove_passwords() {
        for good in ["/", "/api/v1/user", "/rest/api/1.0/users/", "/a.b/~c/(d)@e"] {
            assert_eq!(password_path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "api",
            "http://host/api",
            "//host/api",
            "/a?b",
            "/a#b",
            "/a%20b",
            "/a/../b",
            "/./a",
            "/a//b",
            "/a b",
            "/ä",
            "/a;b",
            "/a\\b",
            "/a\r\nb",
            "/latu_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(password_path(bad).is_err(), "{bad}");
        }
    }
}
