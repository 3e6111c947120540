//! `[[protect]]` and `[push]`: what pushes are held to.

use crate::config::mistake::Place;
use crate::config::read::Section;
use crate::domain::names::{GroupName, UserName};
use crate::domain::pattern::Pattern;
use crate::domain::policy::limits::RefRules;
use crate::domain::policy::protection::{Deny, Protection};
use crate::domain::policy::push_option::OptionPattern;

/// Where a rule against force stands that nothing could hold anybody to.
#[derive(Debug, Default)]
pub(super) struct Forces(Vec<Place>);

/// Reads one `[[protect]]`. `None` when it is wrong, which is noted.
pub(super) fn protection(section: &mut Section<'_>, forces: &mut Forces) -> Option<Protection> {
    let project = section.parsed("project", Pattern::new).map(|found| found.value);
    let repository = section.parsed("repository", Pattern::new).map(|found| found.value);
    // What is there and wrong is not the same as what is absent, which is every one.
    let wrong = (section.set("project").is_some() && project.is_none())
        || (section.set("repository").is_some() && repository.is_none());
    let refs = list(section, "refs", |text| RefRules::pattern(text).map_err(|e| e.to_string()));
    let deny = deny(section, forces);
    let users = list(section, "except_users", |text| {
        UserName::new(text).map_err(|error| error.to_string())
    });
    let groups = list(section, "except_groups", |text| {
        GroupName::new(text).map_err(|error| error.to_string())
    });
    let people = section.choice("except_people", &[("nobody", false), ("by-name", true)]);
    let people = match people {
        Some(people) => Some(people.value),
        None => section.set("except_people").is_none().then_some(false),
    };
    if section.set("refs").is_none() {
        let text = "a [[protect]] names the `refs` that it protects, such as \"refs/heads/main\"";
        section.notes.error(section.place(), text);
    }
    if wrong {
        return None;
    }
    if refs.as_ref().is_some_and(|refs| refs.iter().all(Pattern::forbids)) {
        let text = "`refs` names nothing that is protected: give at least one without `!`, such as \
                    refs/heads/**";
        let place = section.set("refs").unwrap_or_else(|| section.place());
        if section.set("refs").is_some() {
            section.notes.error(place, text);
        }
        return None;
    }
    Some(Protection {
        project,
        repository,
        refs: refs?,
        deny: deny?,
        except_users: users?,
        except_groups: groups?,
        except_people: people?,
    })
}

fn deny(section: &mut Section<'_>, forces: &mut Forces) -> Option<Deny> {
    let Some(place) = section.set("deny") else {
        let text = "a [[protect]] says what it denies: deny = [\"push\", \"delete\", \"force\"]";
        section.notes.error(section.place(), text);
        return None;
    };
    let mut deny = Deny::default();
    for word in section.texts("deny")? {
        match word.value {
            "push" => deny.push = true,
            "delete" => deny.delete = true,
            "force" => {
                deny.force = true;
                forces.0.push(word.place);
            }
            _ => {
                let text = "`deny` is a list of \"push\", \"delete\" and \"force\"";
                section.notes.error(word.place, text);
                return None;
            }
        }
    }
    if deny.force && !deny.delete && !deny.push {
        let text = "`deny`: who may delete a branch can make it anew, which \"force\" does not see: deny \
                    \"delete\" as well";
        section.notes.warning(place, text);
    }
    if deny == Deny::default() {
        section.notes.error(place, "`deny` denies nothing: name \"push\", \"delete\" or \"force\"");
        return None;
    }
    Some(deny)
}

/// A list, each of whose texts is understood.
fn list<T>(
    section: &mut Section<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let set = section.set(key);
    let Some(texts) = section.texts(key) else {
        return set.is_none().then(Vec::new);
    };
    let mut values = Vec::new();
    let mut whole = true;
    for text in texts {
        match read(text.value) {
            Ok(value) => values.push(value),
            Err(why) => {
                section.notes.error(text.place, format!("`{key}`: {why}"));
                whole = false;
            }
        }
    }
    whole.then_some(values)
}

/// Reads `[push]`: the options that are refused.
pub(super) fn options(section: &mut Section<'_>) -> Option<Vec<OptionPattern>> {
    list(section, "refuse_options", |text| OptionPattern::new(text).map_err(str::to_owned))
}

impl Forces {
    /// Refuses them in front of a host, where a forced update cannot be told from another one.
    pub(super) fn refuse(self, section: &mut Section<'_>) {
        for place in self.0 {
            let text = "`deny`: \"force\" cannot be held with `url`: whether an update is forced shows in \
                        the pack and not in the commands of a push; let the host refuse it \
                        (receive.denyNonFastForwards, or its branch permissions)";
            section.notes.error(place, text);
        }
    }
}
