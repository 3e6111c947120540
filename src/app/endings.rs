//! Brings the gate, which sees what the host has deleted or renamed, and the store of tokens together.

use crate::config::Config;
use crate::domain::intent::Place;
use crate::domain::names::NameCase;
use crate::domain::trail::Author;
use crate::gate::{NameEnd, Registrar};
use crate::manage::clerks::Clerks;
use crate::manage::endings::{End, end_tokens};
use futures_util::future::{FutureExt, LocalBoxFuture};
use std::time::Duration;

/// How often it is tried, and how long is waited between: ten minutes of a queue that is full.
const TRIES: u32 = 1200;
const BETWEEN: Duration = Duration::from_millis(500);
/// How long the one who did it waits for that; it goes on meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends tokens by way of the clerks.
pub(super) struct Endings {
    clerks: Clerks,
    case: NameCase,
}

impl Endings {
    pub(super) fn new(config: &Config, clerks: &Clerks) -> Self {
        Self { clerks: clerks.clone(), case: config.upstream.kind.case() }
    }
}

impl Registrar for Endings {
    fn name_ended(
        &self,
        place: Place,
        end: NameEnd,
        by: Author,
        request: String,
    ) -> LocalBoxFuture<'static, ()> {
        let (clerks, case) = (self.clerks.clone(), self.case);
        let end = match end {
            NameEnd::Deleted => End::Deleted,
            NameEnd::Changed => End::Changed,
        };
        let ending = tokio::task::spawn_local(async move {
            let mut unfinished =
                Unfinished { what: place.to_string(), id: request.clone(), why: None };
            for _ in 0..TRIES {
                let (place, by, request) = (place.clone(), by.clone(), request.clone());
                let work = move |registry: &mut dyn crate::store::Registry| {
                    end_tokens(registry, &place, case, end, &by, &request)
                };
                match clerks.run(work).await {
                    Ok(Ok(_count)) => return unfinished.done(),
                    Ok(Err(error)) => unfinished.because(error.to_string()),
                    Err(undone) => unfinished.because(undone.to_string()),
                }
                tokio::time::sleep(BETWEEN).await;
            }
        });
        async move {
            // Either way it is done or goes on.
            let _ = tokio::time::timeout(PATIENCE, ending).await;
        }
        .boxed_local()
    }
}

/// Tokens that are still to be ended. Whatever ends it before they are, the log tells of it.
struct Unfinished {
    what: String,
    id: String,
    why: Option<String>,
}

impl Unfinished {
    fn because(&mut self, why: String) {
        if self.why.is_none() {
            tracing::warn!(
                id = self.id,
                "the host has deleted or renamed {}, and its tokens cannot be ended yet: {why}",
                self.what
            );
        }
        self.why = Some(why);
    }

    fn done(mut self) {
        self.what.clear();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.what.is_empty() {
            return;
        }
        let why = self.why.as_deref().unwrap_or("gitlatch stopped");
        tracing::error!(
            id = self.id,
            "the host has deleted or renamed {}, and its tokens were not ended ({why}): revoke them with \
             gitlatch token revoke",
            self.what
        );
    }
}
