//! What becomes of tokens when the host has deleted or renamed what they belong to.

use super::ManageError;
use crate::domain::intent::Place;
use crate::domain::names::{NameCase, ProjectScope};
use crate::domain::principal::Owner;
use crate::domain::trail::{Author, Event, Note, Subject};
use crate::store::{Registry, StoreError, TokenFilter};
use serde_json::json;

/// What has become of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What it stood for was deleted.
    Deleted,
    /// What it stood for has another name.
    Changed,
}

/// Ends the tokens that belong to a name: those of a repository, or of a project and of the repositories in
/// it. They are revoked when it was deleted, and suspended when it was renamed, since they may be wanted
/// again. The number of them is returned. `request` is the id of the request that did it.
///
/// # Errors
/// When the store fails. What was ended before stays ended.
pub fn end_tokens(
    registry: &mut dyn Registry,
    place: &Place,
    case: NameCase,
    end: End,
    by: &Author,
    request: &str,
) -> Result<u64, ManageError> {
    let filters = match place {
        Place::Host => Vec::new(),
        Place::Repository(path) => vec![TokenFilter::of(Owner::Repository(path.clone()), case)],
        Place::Project(path) => {
            let below = Owner::Project(ProjectScope::Below(path.clone()));
            let within = TokenFilter { within: Some(path.clone()), ..TokenFilter::all(case) };
            vec![within, TokenFilter::of(below, case)]
        }
    };
    let what = match end {
        End::Deleted => "deleted",
        End::Changed => "changed",
    };
    let note = Note {
        event: Event::NameEnded,
        subject: Subject {
            project: place.project().map(str::to_owned),
            repository: place.repository().map(|path| path.name().to_owned()),
            ..Subject::default()
        },
        details: json!({ "what": what, "request": request }),
    };
    let mut count = 0;
    for filter in &filters {
        let ended: Result<_, StoreError> = match end {
            End::Deleted => registry.revoke_tokens(filter, by),
            End::Changed => registry.suspend_tokens(filter, by),
        };
        count += ended?.len() as u64;
    }
    // Last, so that it stands there once, however often it had to be tried.
    registry.note(note, by)?;
    Ok(count)
}
