//! `[[rule]]`: the operator's own rows beside the dialect's table.

use crate::config::read::Section;
use crate::domain::dialect::rule::{PathPattern, Rule, RuleVerdict, sounds};
use crate::domain::permission::Permission;

/// HEAD goes with GET.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
/// The longest reason that a caller is told.
const LONGEST: usize = 300;

/// Reads one `[[rule]]`, without its number. `None` when it is wrong, which is noted.
pub(super) fn read(section: &mut Section<'_>) -> Option<Rule> {
    let methods = methods(section);
    let path = section.parsed("path", PathPattern::new).map(|found| found.value);
    if section.set("path").is_none() {
        let text = "a [[rule]] has a `path`, such as \"/rest/keys/**\"";
        section.notes.error(section.place(), text);
    }
    let verdict = verdict(section);
    let rule = Rule { number: 0, methods: methods?, path: path?, verdict: verdict? };
    if matches!(rule.verdict, RuleVerdict::Allow { .. }) && !rule.path.names_a_part() {
        let text = "`path`: this tightens what the table knows and opens nothing: only what lies below a part \
                    of the REST API is opened, as by \"/rest/my-plugin/**\"";
        let place = section.set("path").unwrap_or_else(|| section.place());
        section.notes.warning(place, text);
    }
    if let RuleVerdict::Allow { confined, .. } = rule.verdict {
        let place = section.set("path").unwrap_or_else(|| section.place());
        if let Some(word) = sounds(&rule.path) {
            let text = format!(
                "`path`: nothing is opened that has \"{word}\" in it, which sounds like what no token may do"
            );
            section.notes.warning(place, text);
        }
        if confined && !rule.path.names_a_project() {
            let text = "`confined`: without {project} in `path`, \"pass\" opens this to the tokens of every \
                        project";
            section.notes.warning(section.set("confined").unwrap_or(place), text);
        }
    }
    Some(rule)
}

fn methods(section: &mut Section<'_>) -> Option<Vec<String>> {
    let set = section.set("methods");
    let Some(words) = section.texts("methods") else {
        return set.is_none().then(Vec::new);
    };
    let mut methods = Vec::new();
    for word in words {
        if !METHODS.contains(&word.value) {
            let shown: String = word.value.chars().filter(|c| !c.is_control()).take(20).collect();
            let text = format!("`methods` is a list of {}; `{shown}` is none", METHODS.join(", "));
            section.notes.error(word.place, text);
            return None;
        }
        methods.push(word.value.to_owned());
    }
    if methods.is_empty() {
        let place = set.unwrap_or_else(|| section.place());
        section.notes.error(place, "`methods` is empty: leave it out for every method");
        return None;
    }
    Some(methods)
}

fn verdict(section: &mut Section<'_>) -> Option<RuleVerdict> {
    let allow = section.parsed("allow", str::parse::<Permission>);
    let deny = section.parsed("deny", reason);
    let confined = section.choice("confined", &[("refuse", false), ("pass", true)]);
    let confined =
        confined.map_or(section.set("confined").is_none().then_some(false), |c| Some(c.value))?;
    match (section.set("allow"), section.set("deny")) {
        (Some(_), None) => Some(RuleVerdict::Allow { need: allow?.value, confined }),
        (None, Some(place)) => {
            if let Some(at) = section.set("confined") {
                let text = "`confined` belongs to `allow`: what is denied is denied to all";
                section.notes.error(at, text);
            }
            let reason = deny?.value;
            if reason.is_empty() {
                section.notes.error(place, "`deny` gives the reason that the caller is told");
                return None;
            }
            Some(RuleVerdict::Deny(reason))
        }
        (both, _) => {
            let text = "a [[rule]] has one of the two: `allow` with the permission that is needed, or \
                        `deny` with the reason that the caller is told";
            section.notes.error(both.unwrap_or_else(|| section.place()), text);
            None
        }
    }
}

/// The reason is told in bodies of answers, a line of them in git's terminal.
fn reason(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST {
        return Err(format!("a reason is one line of at most {LONGEST} characters"));
    }
    Ok(text.to_owned())
}
