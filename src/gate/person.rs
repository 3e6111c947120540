//! `people = "pass"`: what comes without a token goes on as it came, but for pushes to what the operator
//! protects.

use super::names::{self, Owned};
use super::passage::outbound;
use super::push::{Judged, refuse};
use super::refusal::Refusal;
use super::visit::Visit;
use super::{Gate, Rules, body, forms};
use crate::auth::credential;
use crate::domain::dialect::path::decode;
use crate::domain::dialect::{Classified, RequestLine};
use crate::domain::intent::Intent;
use crate::domain::names::{RepoPath, UserName};
use crate::domain::policy::people::{self, Person};
use crate::domain::policy::refs::Hold;
use crate::forward::body::{Body, Upload};
use crate::forward::queue::Holder;
use crate::forward::{Passage, headers};
use crate::reply;
use http::Response;
use http::request::Parts;
use std::net::IpAddr;

/// The service that takes pushes, at the end of a path.
const SERVICE: &str = "git-receive-pack";

impl Gate {
    /// Sends a person's request on as it came, less what would say who somebody is.
    pub(super) async fn let_pass(
        &self,
        rules: &Rules,
        head: Box<Parts>,
        what: Classified,
        mut upload: Upload,
        client: Option<IpAddr>,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        let holder = Holder::of(None, client);
        let mut counted = self.told.hold(holder);
        let ends = names::naming(rules, &head, &what);
        if head.method.is_safe() {
            body::check_empty(&mut upload, rules).await?;
        } else if !rules.protections.is_empty() && pushes(head.uri.path()) {
            let judging = self.judge_person(rules, &head, what, &mut upload, client, visit);
            if let Judged::Answered(answer) = Box::pin(judging).await? {
                return Ok(answer);
            }
        } else {
            forms::check(rules, &head, &what, &mut upload, &mut counted).await?;
        }
        let slot = self.queue.enter(holder).await?;
        let request = outbound(head, upload, client, None, visit, slot);
        let answer = match ends {
            Some(intent) => {
                let (own, who) = (Owned::Person, (client, None));
                self.forward_naming(own, request, &intent, rules, who, visit).await
            }
            None => self.forward(Passage::Person, request, rules, visit).await,
        };
        answer.map(reply::challenged)
    }

    /// Reads the head of a person's push, if something is protected where it goes to, and judges it.
    async fn judge_person(
        &self,
        rules: &Rules,
        head: &Parts,
        what: Classified,
        upload: &mut Upload,
        client: Option<IpAddr>,
        visit: &mut Visit,
    ) -> Result<Judged, Refusal> {
        let intent = intent_of(rules, head, what);
        if let Some(intent) = &intent {
            visit.wants(intent);
        }
        let repository = intent.as_ref().and_then(|intent| intent.place.repository());
        if people::about(&rules.protections, repository).next().is_none() {
            return Ok(Judged::Forward(Hold::default()));
        }
        let push = self.head_of_push(head, upload, Holder::of(None, client)).await?;
        visit.pushes(&push.changes);
        // Read when the commands have come, so that a group that was left meanwhile does not count.
        let person = self.person(rules, head, repository)?;
        match people::judge(&person, repository, &push, &rules.protections) {
            Ok(()) => Ok(Judged::Forward(Hold::default())),
            Err(denial) => refuse(&push, &denial, upload, visit),
        }
    }

    /// Whom the one credential of a request names. Beside anything else that a host might take for
    /// another one, nobody: the host could go by that.
    fn person(
        &self,
        rules: &Rules,
        head: &Parts,
        repository: Option<&RepoPath>,
    ) -> Result<Person, Refusal> {
        let alone = headers::only_authorization(&head.headers) && head.uri.query().is_none();
        let named = alone.then(|| credential::password(&head.headers)).flatten();
        let Some(name) = named.and_then(|(name, _)| UserName::new(&name).ok()) else {
            return Ok(Person::default());
        };
        let mut here = people::about(&rules.protections, repository);
        let grouped = here.any(|one| one.except_people && !one.except_groups.is_empty());
        let groups = if grouped { self.identify.groups(&name)? } else { Vec::new() };
        Ok(Person { name: Some(name), groups })
    }
}

/// Whether a host might take a request of this path for a push. Hosts find their services at the end of
/// a path; some leave out what follows a semicolon, or the case, or a dot or a space behind it.
fn pushes(path: &str) -> bool {
    let path = decode(path);
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let last = last.split(';').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    last.eq_ignore_ascii_case(SERVICE)
}

/// What a push wants, also where its path leaves out the `.git` that many hosts do without. `None` when
/// nothing can be told from it.
fn intent_of(rules: &Rules, head: &Parts, what: Classified) -> Option<Box<Intent>> {
    if let Classified::Known(intent) = what {
        return Some(intent);
    }
    let (folder, service) = head.uri.path().rsplit_once('/')?;
    let path = format!("{folder}.git/{service}");
    let line = RequestLine { method: head.method.as_str(), path: &path, query: head.uri.query() };
    match rules.kind.classify(&rules.prefix, line) {
        Ok(Classified::Known(intent)) => Some(intent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_be_pushes() {
        let cases = [
            ("/team/app.git/git-receive-pack", true),
            ("/team/app/git-receive-pack", true),
            ("/team/app.git/git-receive-pack/", true),
            ("/team/app.git/git-receive%2Dpack", true),
            ("/team/app.git/GIT-Receive-pack", true),
            ("/team/app.git%2Fgit-receive-pack", true),
            ("/team/app.git/git-receive-pack%3Bx=1", true),
            ("/team/app.git/git-receive-pack%20", true),
            ("/git-receive-pack", true),
            ("/team/app.git/git-upload-pack", false),
            ("/team/app/src/git-receive-pack.md", false),
            ("/team/git-receive-pack/issues", false),
            ("/", false),
        ];
        for (path, expected) in cases {
            assert_eq!(pushes(path), expected, "{path}");
        }
    }
}
