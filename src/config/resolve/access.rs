//! `[access]`: who may come in without a token, and whose rights count.

use crate::config::Access;
use crate::config::mistake::Place;
use crate::config::read::{Found, Section};

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
pub(super) fn read(section: &mut Section<'_>, rights: Option<Rights>) -> Option<Access> {
    let people = section.choice("people", &[("refuse", false), ("pass", true)]);
    let users = section.choice("users", &[("upstream", false), ("grants", true)]);
    let anonymous = section.choice("anonymous", &[("refuse", false), ("read", true)]);
    let passwords = section.parsed("passwords", passwords);
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
    passwords?;
    Some(Access {
        people_pass: people?.value,
        users_by_grants: users?.value || folder,
        anonymous_read: anonymous?.value,
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

fn passwords(text: &str) -> Result<(), &'static str> {
    match text {
        "local" => Ok(()),
        "upstream" => {
            Err("this release does not ask the upstream for passwords yet; use \"local\"")
        }
        _ => Err("it is \"local\""),
    }
}
