//! TLS to the host: `ca_file`, `system_roots`, `client_cert` and `client_key` of `[upstream]`.

use super::Environment;
use super::tls::{Placed, pair};
use crate::config::mistake::{Notes, Place};
use crate::config::read::Section;
use crate::config::tls::{HostFiles, PairFiles};

/// What the section says, and where.
pub(super) struct Draft {
    placed: Placed<HostFiles>,
    /// Where the file says that the system's authorities are not believed.
    alone: Option<Place>,
    /// Where the file sets `client_cert`.
    client: Option<Place>,
    /// Where the file sets `ca_file`.
    authorities: Option<Place>,
}

/// Reads the keys. `None` when one of them is wrong, which is noted.
pub(super) fn read(section: &mut Section<'_>) -> Option<Draft> {
    let ca = section.path("ca_file");
    let system_roots = section.flag("system_roots");
    let pair = pair(section, "client_cert", "client_key");
    for (one, other) in [("client_cert", "client_key"), ("client_key", "client_cert")] {
        if let (Some(place), None) = (section.set(one), section.set(other)) {
            let text = format!("`{one}` needs `{other}`: they are shown to the host together");
            section.notes.error(place, text);
        }
    }
    let wrong = |key, read: bool| section.set(key).is_some() && !read;
    if wrong("ca_file", ca.is_some()) || wrong("client_cert", pair.is_some()) {
        return None;
    }
    let system_roots = system_roots?;
    let mut keys: Vec<(&'static str, Place)> = Vec::new();
    keys.extend(ca.as_ref().map(|ca| ("ca_file", ca.place)));
    let client = pair.map(|pair: Placed<PairFiles>| {
        keys.extend_from_slice(pair.keys());
        pair.into_files()
    });
    let files = HostFiles { ca: ca.map(|ca| ca.value), system_roots: system_roots.value, client };
    let alone = (!system_roots.value).then_some(system_roots.place);
    Some(Draft {
        client: section.set("client_cert"),
        authorities: section.set("ca_file"),
        alone,
        placed: Placed::new(files, keys),
    })
}

impl Draft {
    /// The files.
    pub(super) fn files(&self) -> HostFiles {
        self.placed.files().clone()
    }

    /// Looks at them.
    pub(super) fn check(&self, https: bool, environment: &Environment<'_>, notes: &mut Notes) {
        if let (Some(place), None) = (self.alone, &self.placed.files().ca) {
            let text = "`system_roots` = false needs `ca_file`: no authority would be believed";
            notes.error(place, text);
        }
        if let (Some(place), false) = (self.client, https) {
            let text =
                "`client_cert` is shown over TLS only, and this host is reached by an http URL";
            notes.error(place, text);
        }
        if !environment.for_serving {
            return;
        }
        let Some(loaded) = self.placed.load(notes) else { return };
        if let (Some(place), false) = (self.authorities, https) {
            let text = "`ca_file` is for TLS, and this host is reached by an http URL: whoever answers there is \
                        believed, and what it is sent is not encrypted";
            notes.warning(place, text);
        }
        if let (Some(client), Some(place)) = (loaded.client, self.client) {
            Placed::<PairFiles>::warn_of_time("client_cert", place, &client, notes);
        }
    }
}
