//! Push options, which hosts read as instructions.

/// A push option, by its name; `ci.*` is every option that begins with `ci.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionPattern(String);

impl OptionPattern {
    /// Reads a name, or the beginning of names before `*`.
    ///
    /// # Errors
    /// When it is empty or has characters that stand in no name.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.is_empty() || !name.bytes().all(plain) {
            return Err(
                "a push option is a name like ci.skip, or ci.* for every one that begins so",
            );
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Whether the option, with its value, is one of these.
    #[must_use]
    pub fn matches(&self, option: &str) -> bool {
        let name = canonical(option);
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.0,
        }
    }
}

/// The name of a push option as the most lenient host reads it: GitLab takes `mr` for `merge_request`,
/// trims both parts of a name, and passes over dots in front.
fn canonical(option: &str) -> String {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let name = name.trim_start_matches('.').to_ascii_lowercase();
    match name.strip_prefix("mr.") {
        Some(rest) => format!("merge_request.{rest}"),
        None => name,
    }
}
