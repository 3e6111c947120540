//! A lock is unlocked by its number alone, and hosts exist that do not ask of which repository it is (Gitea
//! before 1.25.4, its pull request 36344). Where the identity upstream can reach more than the token, the
//! host is asked first whether its list of this repository has that lock.

use super::{AnswerFault, Gate, Rules, batch};
use crate::domain::dialect::lfs::MEDIA_TYPE;
use crate::domain::policy::{Circumstances, Permit};
use crate::domain::principal::TokenPrincipal;
use crate::forward::body::Upload;
use crate::forward::queue::Holder;
use crate::forward::{Outbound, Passage};
use crate::gate::refusal::Refusal;
use crate::gate::visit::Visit;
use http::header::{ACCEPT, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use std::rc::Rc;

impl Gate {
    /// Gives the permit back when the lock is one of the repository's.
    pub(super) async fn own_lock(
        &self,
        rules: &Rules,
        head: &Parts,
        (permit, token, nothing): (Permit, &Rc<TokenPrincipal>, Upload),
        at: Circumstances,
        visit: &mut Visit,
    ) -> Result<Permit, Refusal> {
        let locks = head.uri.path().strip_suffix("/unlock").and_then(|path| path.rsplit_once('/'));
        let (locks, id) = locks.ok_or(AnswerFault::Locks)?;
        let target = format!("{locks}?id={id}").parse::<Uri>().map_err(|_| AnswerFault::Locks)?;
        let mut headers = HeaderMap::new();
        let holder = Holder::Token(token.id);
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        let request = Box::new(Outbound {
            method: Method::GET,
            target,
            headers,
            body: nothing,
            client: at.client,
            id: visit.id_value(),
            service: None,
            meter: Rc::clone(visit.meter()),
            besides: HeaderMap::new(),
            slot: self.queue.enter(holder).await?,
        });
        let credential = self.credential(token)?;
        let way = Passage::Permitted { permit: &permit, credential: credential.as_ref() };
        let answer = self.forward_lfs(way, request, rules, visit).await?;
        if answer.status() != StatusCode::OK {
            return Err(AnswerFault::Locks.into());
        }
        let mut counted = self.told.hold(holder);
        let read = batch::read(answer, &mut counted).await?;
        if lists(&read, &crate::domain::dialect::path::decode(id)) {
            return Ok(permit);
        }
        Err(Refusal::NoLock)
    }
}

/// Whether the list of locks (`docs/api/locking.md`) has this one.
fn lists(body: &[u8], id: &str) -> bool {
    let Ok(list) = serde_json::from_slice::<Value>(body) else { return false };
    let is = |lock: &Value| match lock.get("id") {
        Some(Value::String(text)) => text == id,
        Some(Value::Number(number)) => number.to_string() == id,
        _ => false,
    };
    list.get("locks").and_then(Value::as_array).is_some_and(|locks| locks.iter().any(is))
}
