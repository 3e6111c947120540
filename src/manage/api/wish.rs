//! What a call wants: its verb, with the query and the body read.

use super::body::{self, Create, Update};
use super::fields::Fields;
use super::query;
use super::refusal::Refused;
use super::routes::Verb;
use super::settings::{self, SettingsChange};
use crate::store::Window;
use bytes::Bytes;
use std::time::Duration;

/// What a call wants, with its body read.
#[derive(Debug)]
pub(super) enum Wish {
    List(Window),
    Create(Create),
    Get,
    Update(Update),
    Revoke,
    Rotate(Duration),
    ListAll(Window),
    Nothing,
    GetSettings,
    PutSettings(SettingsChange),
    GetProjectSettings,
    PutProjectSettings(bool),
}

impl Wish {
    /// Reads what a verb needs from the query and the body. A body that no verb asks for is passed over.
    pub(super) fn read(
        verb: Verb,
        query: Option<&str>,
        media_type: Option<&str>,
        body: Option<&Bytes>,
    ) -> Result<Self, Refused> {
        let fields = |optional| Fields::read(body, media_type, optional);
        Ok(match verb {
            Verb::List => Self::List(query::window(query)?),
            Verb::Create => Self::Create(Create::read(fields(false)?)?),
            Verb::Get => Self::Get,
            Verb::Update => Self::Update(Update::read(fields(false)?)?),
            Verb::Revoke => Self::Revoke,
            Verb::Rotate => Self::Rotate(body::overlap(fields(true)?)?),
            Verb::ListAll => Self::ListAll(query::window(query)?),
            Verb::GetSelf | Verb::RevokeSelf => Self::Nothing,
            Verb::GetSettings => Self::GetSettings,
            Verb::PutSettings => Self::PutSettings(SettingsChange::read(fields(false)?)?),
            Verb::GetProjectSettings => Self::GetProjectSettings,
            Verb::PutProjectSettings => {
                Self::PutProjectSettings(settings::repository_tokens(fields(false)?)?)
            }
        })
    }
}
