//! What is said when a token was made: its secret, this once, and how git is given it.

use super::text::title;
use crate::cli::moment;
use crate::config::{Config, Listen, Origin};
use crate::domain::principal::Owner;
use crate::manage::tokens::Issued;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a person needs to know now, the secret on a line of its own.
///
/// The command for scripts hands it to git by the environment, because arguments are seen by every
/// process of the machine, and for this address alone, because git follows submodules elsewhere.
pub(super) fn text(issued: &Issued, config: &Config) -> String {
    let Issued { record, secret } = issued;
    let base = base(config);
    let ends = record.expires.map_or("it never expires".to_owned(), |at| {
        format!("it expires on {}", moment::minute(at))
    });
    let clone = format!("{base}/{}.git", example(&record.owner));
    let (scheme, rest) = clone.split_once("://").unwrap_or(("http", &clone));
    let name = match &record.owner {
        Owner::User(name) => name.as_str(),
        Owner::Project(_) | Owner::Repository(_) => "x-token-auth",
    };
    format!(
        "{title}: {permissions}; {limits}{ends}\n\n{secret}\n\n\
         This is the only time that it is shown. As the password of {name}, when git asks:\n  \
         git clone {scheme}://{login}@{rest}\n\
         or in a script, from the variable TOKEN:\n  \
         AUTH=\"Authorization: Bearer $TOKEN\" \\\n  \
         git --config-env=http.{base}/.extraHeader=AUTH clone {clone}\n",
        login = encode(name),
        title = title(record),
        permissions = record.permissions,
        limits = match super::text::limits(record).as_str() {
            "none" => String::new(),
            limits => format!("{limits}; "),
        },
        secret = secret.expose(),
    )
}

/// The path of a repository that the token may reach, as far as that is known.
fn example(owner: &Owner) -> String {
    let below = |project: &str| match project {
        // The project of repositories that lie in none has no folder.
        "-" => String::new(),
        project => format!("{}/", project.split('/').map(encode).collect::<Vec<_>>().join("/")),
    };
    match owner {
        Owner::User(_) => "PROJECT/REPO".to_owned(),
        Owner::Project(scope) => {
            format!("{}REPO", below(scope.to_string().trim_end_matches("/**")))
        }
        Owner::Repository(path) => format!("{}{}", below(path.project()), encode(path.name())),
    }
}

/// The address that clients call: `public_url`, or the first that is listened on, as far as it says
/// where that is.
fn base(config: &Config) -> String {
    let (https, authority) = match &config.server.public_url {
        Some(Origin { https, authority, .. }) => (*https, authority.clone()),
        None => (config.server.tls.is_some(), listened(&config.server.listen)),
    };
    let scheme = if https { "https" } else { "http" };
    format!("{scheme}://{authority}{}", config.prefix())
}

fn listened(listen: &[Listen]) -> String {
    let first = listen.iter().find_map(|listen| match listen {
        Listen::Tcp(address) => Some(address),
        Listen::Unix(_) | Listen::Systemd(_) => None,
    });
    match first {
        None => "HOST".to_owned(),
        Some(address) if address.port() == 0 => "HOST:PORT".to_owned(),
        Some(address) if address.ip().is_unspecified() => format!("HOST:{}", address.port()),
        Some(address) => address.to_string(),
    }
}

fn encode(segment: &str) -> String {
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(segment, &PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_name_what_the_token_reaches() {
        let cases = [
            ("team", None, "team/REPO"),
            ("group/**", None, "group/REPO"),
            ("group/sub", Some("app"), "group/sub/app"),
            ("-", None, "REPO"),
            ("-", Some("app"), "app"),
            ("a b", Some("c d"), "a%20b/c%20d"),
            ("~alice", Some("app"), "~alice/app"),
        ];
        for (project, repository, expected) in cases {
            let owner = Owner::of_project(project, repository).expect(project);
            assert_eq!(example(&owner), expected);
        }
        assert_eq!(encode("a@example.com"), "a%40example.com");
    }
}
