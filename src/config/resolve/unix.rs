//! `server.unix_mode` and `server.unix_group`: who may connect to Unix sockets.

use crate::config::UnixAccess;
use crate::config::read::Section;

/// The bit without which not even gitlatch's own user connects.
const OWNER_WRITES: u32 = 0o200;
/// The bit with which everybody does (unix(7)).
const OTHERS_WRITE: u32 = 0o002;

/// Reads both.
pub(super) fn read(section: &mut Section<'_>) -> Option<UnixAccess> {
    let mode = section.parsed("unix_mode", mode);
    let group = section.parsed("unix_group", group);
    if section.set("unix_group").is_some() && group.is_none() {
        return None;
    }
    Some(UnixAccess { mode: mode?.value, group: group.map(|found| found.value) })
}

/// Whether every user of the machine may connect.
pub(super) fn is_open(access: UnixAccess) -> bool {
    access.mode & OTHERS_WRITE != 0
}

fn mode(text: &str) -> Result<u32, &'static str> {
    const FORM: &str =
        "a mode is three octal digits behind a 0, such as \"0660\", and lets the owner write";
    let digits = text.strip_prefix('0').filter(|digits| digits.len() == 3).ok_or(FORM)?;
    // The first digit is checked because a number may have a sign.
    let octal = digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| octal && mode & OWNER_WRITES != 0);
    mode.ok_or(FORM)
}

/// The number of a group. Names are those of this machine: a socket is made before networks are there.
fn group(text: &str) -> Result<u32, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The largest number stands for "no change" (chown(2)).
        let number = text.parse().ok().filter(|number| *number != u32::MAX);
        return number.ok_or_else(|| "no group has such a number".to_owned());
    }
    let groups = std::fs::read_to_string("/etc/group").map_err(|cause| {
        format!("/etc/group, where names of groups are, cannot be read: {cause}")
    })?;
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == text).then(|| fields.nth(1)?.parse().ok())?
    });
    number
        .ok_or_else(|| "there is no such group in /etc/group; its number serves as well".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        let cases = [
            ("0660", Some(0o660)),
            ("0600", Some(0o600)),
            ("0777", Some(0o777)),
            ("0200", Some(0o200)),
            ("660", None),
            ("00660", None),
            ("0460", None),
            ("0680", None),
            ("0+60", None),
            ("02660", None),
            ("0o660", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(mode(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn groups() {
        let cases =
            [("root", Some(0)), ("33", Some(33)), ("4294967295", None), ("99999999999", None)];
        for (text, expected) in cases {
            assert_eq!(group(text).ok(), expected, "{text}");
        }
        for text in ["", "no such group", "-1", "root:x", "x"] {
            assert!(group(text).is_err(), "{text}");
        }
    }
}
