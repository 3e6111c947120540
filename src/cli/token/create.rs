//! `gitlatch token create`.

use super::json::TokenJson;
use super::{Place, text, wrong_call};
use crate::cli::{Outcome, context, input, moment, output, values};
use crate::config::{Config, Listen, Origin};
use crate::domain::names::UserName;
use crate::domain::pattern::Pattern;
use crate::domain::permission::Permission;
use crate::domain::policy::limits::{Limits, Only};
use crate::domain::principal::Owner;
use crate::manage::tokens::{self, Issued, TokenRequest, Wanted};
use crate::manage::{Label, users};
use crate::store::Registry;
use ipnet::IpNet;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use std::time::Duration;

/// The token to make.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("owner").required(true).args(["user", "project"])))]
pub(in crate::cli) struct Options {
    /// A user's token; it takes that user's password
    #[arg(long, value_name = "NAME", requires = "password_stdin", value_parser = values::user)]
    user: Option<UserName>,
    /// Read the user's password from standard input: one line
    #[arg(long, requires = "user")]
    password_stdin: bool,
    #[command(flatten)]
    place: Place,
    /// A name to know the token by
    #[arg(long, value_name = "TEXT", value_parser = values::label)]
    name: Label,
    #[arg(long = "permission", value_name = "PERMISSION", value_delimiter = ',')]
    #[arg(help = "What it may do, repeatable: {PROJECT,REPO}_{READ,WRITE,ADMIN}; \
                without it the highest that the owner has now")]
    permissions: Vec<Permission>,
    /// How long it lives: 30s, 15m, 8h, 90d; without it for ever. It cannot be changed later
    #[arg(long, value_name = "DURATION", value_parser = values::lifetime)]
    expires_in: Option<Duration>,
    /// Only these, repeatable: PROJECT, PROJECT/REPO, PROJECT/**; `!` in front forbids
    #[arg(long, value_name = "PATTERN", value_parser = values::pattern)]
    only: Vec<Pattern>,
    /// Only from these client addresses, repeatable: an address or a network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = values::network)]
    from: Vec<IpNet>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Makes the token and shows its secret.
pub(super) fn run(config: Option<PathBuf>, options: Options) -> anyhow::Result<Outcome> {
    let place = options.place.owner()?;
    let config = context::config(config)?;
    let mut registry = context::registry(&config)?;
    let owner = match (&options.user, place) {
        (Some(name), _) => proven(&mut registry, name)?,
        (None, Some(owner)) => owner,
        (None, None) => return Err(wrong_call("name an owner: --user or --project")),
    };
    warn_of_repositories(&options.only);
    let texts: Vec<String> = options.only.iter().map(ToString::to_string).collect();
    let permissions = if options.permissions.is_empty() {
        Wanted::Highest { rights: context::rights(&config) }
    } else {
        Wanted::These(options.permissions)
    };
    let request = TokenRequest {
        name: options.name,
        owner,
        permissions,
        limits: Limits { only: Only::new(&texts)?, from: options.from },
        lifetime: options.expires_in,
    };
    let issued = tokens::create(&mut registry, request, moment::now(), getrandom::fill)?;
    let answer = if options.json {
        format!("{}\n", serde_json::to_string(&TokenJson::issued(&issued.record, &issued.secret))?)
    } else {
        instructions(&issued, &base(&config))
    };
    if let Err(error) = output::deliver(&answer) {
        tokens::revoke(&mut registry, issued.record.id, moment::now())?;
        let lost = "the secret could not be shown, so the token is revoked";
        return Err(anyhow::Error::new(error).context(lost));
    }
    Ok(Outcome::Done)
}

/// The user, who is who the password says.
fn proven(registry: &mut impl Registry, name: &UserName) -> anyhow::Result<Owner> {
    let user = users::authenticate(registry, name, &input::secret("password")?)?;
    Ok(Owner::User(user.name))
}

/// Groups nest, so `group/sub` is easily meant for the group `group/sub`: say what it means.
fn warn_of_repositories(only: &[Pattern]) {
    let plain = only.iter().filter(|pattern| !pattern.forbids() && !pattern.glob().contains('*'));
    for (project, name) in plain.filter_map(|pattern| pattern.glob().rsplit_once('/')) {
        output::note(&format!(
            "`{project}/{name}` names one repository: `{name}` of `{project}`; for all repositories \
             of a project {project}/{name} write `{project}/{name}/*`"
        ));
    }
}

/// What a person needs to know now, the secret on a line of its own.
///
/// The command for scripts hands it to git by the environment, because arguments are seen by every
/// process of the machine, and for this address alone, because git follows submodules elsewhere.
fn instructions(issued: &Issued, base: &str) -> String {
    let Issued { record, secret } = issued;
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
        "{title}: {permissions}; {ends}\n\n{secret}\n\n\
         This is the only time that it is shown. As the password of {name}, when git asks:\n  \
         git clone {scheme}://{login}@{rest}\n\
         or in a script, from the variable TOKEN:\n  \
         AUTH=\"Authorization: Bearer $TOKEN\" \\\n  \
         git --config-env=http.{base}/.extraHeader=AUTH clone {clone}\n",
        login = encode(name),
        title = text::title(record),
        permissions = record.permissions,
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

/// The address that clients call: `public_url`, or the first that is listened on.
fn base(config: &Config) -> String {
    let scheme = |https| if https { "https" } else { "http" };
    match (&config.server.public_url, config.server.listen.first()) {
        (Some(Origin { https, authority, prefix, .. }), _) => {
            format!("{}://{authority}{prefix}", scheme(*https))
        }
        (None, Some(Listen::Tcp(address))) => {
            format!("{}://{address}", scheme(config.server.tls.is_some()))
        }
        (None, _) => "https://HOST".to_owned(),
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
