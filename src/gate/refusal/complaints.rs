//! What operators hear of refusals that are somebody's fault but the client's.

use super::Refusal;
use crate::forward::ForwardError;
use crate::gate::visit::Visit;
use crate::telemetry::log::Seldom;

/// What operators must hear of, each kind at most once a minute: the request lines tell how often.
#[derive(Debug, Default)]
pub struct Complaints {
    store: Seldom,
    upstream: Seldom,
    credential: Seldom,
}

impl Complaints {
    /// Writes the cause of trouble to the log.
    pub(in crate::gate) fn hear(&self, refusal: &Refusal, visit: &Visit) {
        let due = match refusal {
            Refusal::Crashed => true,
            Refusal::Store(_) | Refusal::Clock | Refusal::Sealed(_) | Refusal::Ticket(_) => {
                self.store.is_due()
            }
            Refusal::LfsAnswer(_) | Refusal::Forward(ForwardError::Shortage(_)) => {
                self.upstream.is_due()
            }
            Refusal::Forward(ForwardError::CredentialRefused | ForwardError::CredentialWanted) => {
                self.credential.is_due()
            }
            Refusal::Forward(error) => error.upstream_kind().is_some() && self.upstream.is_due(),
            _ => false,
        };
        if due {
            tracing::error!(id = visit.id(), cause = causes(refusal), "{refusal}");
        }
    }
}

/// Everything that caused an error, the nearest first.
fn causes(error: &dyn std::error::Error) -> Option<String> {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(": "))
}
