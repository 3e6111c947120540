//! Brings the gate, which sees what the host has deleted or renamed, and the store of tokens together.

use crate::config::Config;
use crate::domain::intent::Place;
use crate::domain::names::NameCase;
use crate::domain::trail::Author;
use crate::gate::{NameEnd, Registrar};
use crate::manage::clerks::{Clerks, Undone};
use crate::manage::endings::{End, end_tokens};
use futures_util::future::{FutureExt, LocalBoxFuture};
use std::time::Duration;

/// How often it is tried, and how long is waited between: as long as the clerks' queue may take.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(500);

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
        async move {
            let mut why = Undone::Busy.to_string();
            for _ in 0..TRIES {
                let (place, by, request) = (place.clone(), by.clone(), request.clone());
                let work = move |registry: &mut dyn crate::store::Registry| {
                    end_tokens(registry, &place, case, end, &by, &request)
                };
                match clerks.run(work).await {
                    Ok(Ok(_count)) => return,
                    Ok(Err(error)) => why = error.to_string(),
                    Err(undone) => why = undone.to_string(),
                }
                tokio::time::sleep(BETWEEN).await;
            }
            tracing::error!(
                id = request,
                "the host has deleted or renamed {place}, and its tokens could not be ended ({why}): \
                 revoke them with gitlatch token revoke"
            );
        }
        .boxed_local()
    }
}
