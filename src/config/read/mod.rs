//! Reads the file by hand, so that every mistake is found in one run and each has its place.

mod document;
mod section;

pub(super) use document::Document;
pub(super) use section::{Found, Section};
