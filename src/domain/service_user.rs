//! The name under which tokens of projects and repositories travel, which are no persons.

use super::names::UserName;
use std::fmt::{self, Write as _};

/// Why a text is no template for service users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no service user: {why}")]
pub struct ServiceUserError {
    text: String,
    why: &'static str,
}

/// A fixed name, or a template with `{project}` and `{repository}` behind a literal prefix.
///
/// What stands in the place of `{project}` and `{repository}` keeps the characters of a user name;
/// every other byte is written `+` and two hexadecimal digits, so that two projects never share a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUser {
    template: String,
}

impl ServiceUser {
    /// Reads a name or a template.
    ///
    /// # Errors
    /// When it has no literal prefix, has `{repository}` without `{project}`, or is no user name.
    pub fn new(text: &str) -> Result<Self, ServiceUserError> {
        let fault = |why| Err(ServiceUserError { text: text.to_owned(), why });
        if text.starts_with('{') {
            return fault("a template begins with a literal prefix that no person's name has");
        }
        if text.contains("{repository}") && !text.contains("{project}") {
            return fault("{repository} needs {project}: names of repositories repeat");
        }
        let plain = text.replacen("{project}", "p", 1).replacen("{repository}", "r", 1);
        if UserName::new(&plain).is_err() {
            return fault("besides {project} and {repository}, once each, it is a user name");
        }
        Ok(Self { template: text.to_owned() })
    }

    /// The name for a token of this project, or of this repository in it.
    #[must_use]
    pub fn name(&self, project: &str, repository: Option<&str>) -> String {
        let repository = repository.map(escape).unwrap_or_default();
        self.template.replace("{project}", &escape(project)).replace("{repository}", &repository)
    }

    /// Whether it could produce this name, which a person may therefore not bear.
    #[must_use]
    pub fn can_produce(&self, name: &UserName) -> bool {
        match self.template.split_once('{') {
            None => name.is(&self.template),
            // Every name with the prefix: the safe side of what a template could be filled with.
            Some((prefix, _)) => {
                let start = name.as_str().get(..prefix.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
        }
    }
}

impl fmt::Display for ServiceUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)
    }
}

fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "+{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let cases = [
            ("gitlatch", "team", None, "gitlatch"),
            ("bot-{project}", "team/sub", None, "bot-team+2fsub"),
            ("bot-{project}-{repository}", "team", Some("a-b"), "bot-team-a+2db"),
            ("bot-{project}-{repository}", "team", None, "bot-team-"),
        ];
        for (template, project, repository, expected) in cases {
            let template = ServiceUser::new(template).expect(template);
            assert_eq!(template.name(project, repository), expected);
        }
        for bad in ["", "{project}", "{project}-x", "bot-{repository}", "bot-{other}", "a b"] {
            assert!(ServiceUser::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_it_could_produce() {
        let cases = [
            ("gitlatch", "GitLatch", true),
            ("gitlatch", "gitlatch2", false),
            ("bot-{project}", "bot-x", true),
            ("bot-{project}", "BOT-", true),
            ("bot-{project}", "robot", false),
        ];
        for (template, name, expected) in cases {
            let template = ServiceUser::new(template).expect(template);
            let name = UserName::new(name).unwrap_or_else(|_| UserName::new("zz").expect("zz"));
            assert_eq!(template.can_produce(&name), expected, "{template} {name}");
        }
    }
}
