//! The voice for git: `text/plain`, of which git prints every line as `remote: …`.

/// What git shows; any other type it keeps to itself (git's `remote-curl.c`, `show_http_message`).
pub(super) const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

pub(super) fn body(text: &str, id: &str) -> String {
    format!("gitlatch: {text}\n(request {id})\n")
}
