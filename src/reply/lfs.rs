//! The voice for Git LFS: the error object of its API (`docs/api/batch.md` of git-lfs).

use serde::Serialize;

pub(super) const CONTENT_TYPE: &str = "application/vnd.git-lfs+json";

#[derive(Serialize)]
struct Error<'a> {
    message: String,
    request_id: &'a str,
}

pub(super) fn body(text: &str, id: &str) -> String {
    says(format!("gitlatch: {text}"), id)
}

pub(super) fn says(message: String, id: &str) -> String {
    let error = Error { message, request_id: id };
    // Two strings always serialise.
    serde_json::to_string(&error).unwrap_or_default()
}
