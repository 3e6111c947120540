//! `[upstream]`: a host, or a folder of repositories.

use super::access::Rights;
use super::{Environment, files, folder, host_tls, identity, origin};
use crate::config::mistake::{Notes, Place};
use crate::config::read::{Document, Found, Section};
use crate::config::{Identity, Origin, Remote, Target, Upstream};
use crate::domain::dialect::Kind;
use crate::domain::duration;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// The section, and what rules about other sections need to know of it.
pub(super) struct Draft {
    /// The section, when nothing in it is wrong.
    pub(super) upstream: Option<Upstream>,
    /// Whose rights it can enforce, as far as that can be told.
    pub(super) rights: Option<Rights>,
    /// The kind of host, if it could be read.
    pub(super) kind: Option<Kind>,
}

/// The keys as they were read; which of them count depends on the target.
struct Keys {
    place: Place,
    kind: Option<Found<Kind>>,
    url: Option<Found<Origin>>,
    repositories: Option<Found<PathBuf>>,
    http_backend: Option<Found<PathBuf>>,
    lfs_url: Option<Found<Origin>>,
    host: Option<Found<String>>,
    connect_timeout: Option<Found<Duration>>,
    pool_idle: Option<Found<Duration>>,
    tls: Option<host_tls::Draft>,
    health_interval: Option<Found<Option<Duration>>>,
    /// The file sets `lfs_url`, rightly or wrongly.
    lfs_set: bool,
    /// Where the file sets `url` and `repositories`, rightly or wrongly.
    targets: (Option<Place>, Option<Place>),
    /// The keys that the other target has, which the file sets all the same.
    stray: Vec<(&'static str, Place)>,
}

/// Reads the section and the one within it.
pub(super) fn read(
    document: &mut Document<'_>,
    environment: &Environment<'_>,
    public_url: Option<&Found<Origin>>,
) -> Draft {
    let keys = keys(&mut document.section("upstream"));
    let identity = identity::read(&mut document.section("upstream.identity"));
    let notes = &mut document.notes;
    keys.check_target(notes);
    let (target, rights) = match keys.targets {
        // Which identity is right depends on the one that stays.
        (Some(_), Some(_)) => (None, None),
        (None, Some(_)) => {
            keys.check_tls(environment, notes);
            let target = folder_target(&keys, identity, environment, public_url, notes);
            (target, Some(Rights::Folder))
        }
        (_, None) => {
            let rights = identity.rights();
            let identity = identity.for_host(environment, notes);
            keys.check_tls(environment, notes);
            (url_target(&keys, identity, public_url, notes), rights)
        }
    };
    let kind = keys.kind.map(|kind| kind.value);
    let upstream = kind.zip(target).map(|(kind, target)| Upstream { kind, target });
    Draft { upstream, rights, kind }
}

fn keys(section: &mut Section<'_>) -> Keys {
    let targets = (section.set("url"), section.set("repositories"));
    let strangers: &[_] = match (targets, section.set("lfs_url")) {
        // The server of LFS is reached as a host is.
        ((_, Some(_)), None) => &[
            "host",
            "connect_timeout",
            "pool_idle",
            "ca_file",
            "system_roots",
            "client_cert",
            "client_key",
            "health_interval",
        ],
        ((_, Some(_)), Some(_)) => &["host", "health_interval"],
        _ => &["http_backend", "lfs_url"],
    };
    Keys {
        place: section.place(),
        kind: kind(section),
        url: section.parsed("url", origin::parse),
        repositories: section.path("repositories"),
        http_backend: section.path("http_backend"),
        lfs_url: section.parsed("lfs_url", origin::parse),
        host: section.parsed("host", origin::authority),
        connect_timeout: section.duration("connect_timeout"),
        pool_idle: section.duration("pool_idle"),
        tls: host_tls::read(section),
        health_interval: section.parsed("health_interval", |text| match text {
            "0s" => Ok(None),
            _ => duration::parse(text).map(Some),
        }),
        lfs_set: section.set("lfs_url").is_some(),
        targets,
        stray: strangers.iter().filter_map(|key| Some((*key, section.set(key)?))).collect(),
    }
}

fn kind(section: &mut Section<'_>) -> Option<Found<Kind>> {
    const SERVED: &str = "this release serves kind = \"bitbucket\", Bitbucket Data Center, and \"git\", the \
                          Git paths of any host";
    if section.set("kind").is_none() {
        let text = format!("`upstream.kind` is missing: {SERVED}");
        section.notes.error(section.place(), text);
    }
    section.parsed("kind", |text| match text {
        "bitbucket" => Ok(Kind::Bitbucket),
        "git" => Ok(Kind::Git),
        "gitea" | "gitlab" | "github" => {
            Err(format!("{SERVED}; the REST dialect of {text} comes later"))
        }
        _ => Err(SERVED.to_owned()),
    })
}

impl Keys {
    /// Exactly one target, and no key of the other.
    fn check_target(&self, notes: &mut Notes) {
        let (has, has_not) = match self.targets {
            (None, None) => {
                let text = "`upstream.url` or `upstream.repositories` is missing: one of them says \
                            what stands behind";
                return notes.error(self.place, text);
            }
            (Some(_), Some(place)) => {
                let text = "`repositories` and `url` exclude each other: keep one";
                return notes.error(place, text);
            }
            (Some(_), None) => ("url", "repositories"),
            (None, Some(_)) => ("repositories", "url"),
        };
        if let (Some(kind), Some(_)) = (&self.kind, self.targets.1)
            && kind.value != Kind::Git
        {
            let text = format!(
                "`kind`: a folder of repositories has no REST: kind = \"git\" goes with `repositories`, and \
                 \"{}\" with `url`",
                kind.value.name()
            );
            notes.error(kind.place, text);
        }
        for (key, place) in &self.stray {
            notes.error(*place, format!("`{key}` belongs to `{has_not}` and not to `{has}`"));
        }
    }
}

impl Keys {
    fn check_tls(&self, environment: &Environment<'_>, notes: &mut Notes) {
        let url = if self.targets.1.is_some() { &self.lfs_url } else { &self.url };
        let https = url.as_ref().is_none_or(|url| url.value.https);
        if let Some(tls) = &self.tls {
            tls.check(https, environment, notes);
        }
    }

    /// The host at this URL.
    fn remote(&self, url: &Found<Origin>, identity: Identity) -> Option<Remote> {
        Some(Remote {
            origin: url.value.clone(),
            host: self.host.as_ref().map_or(&url.value.authority, |host| &host.value).clone(),
            connect_timeout: self.connect_timeout.as_ref()?.value,
            pool_idle: self.pool_idle.as_ref()?.value,
            tls: self.tls.as_ref()?.files(),
            health_interval: self.health_interval.as_ref()?.value,
            identity,
        })
    }
}

fn url_target(
    keys: &Keys,
    identity: Option<Identity>,
    public_url: Option<&Found<Origin>>,
    notes: &mut Notes,
) -> Option<Target> {
    let url = keys.url.as_ref()?;
    if let Some(public) = public_url {
        same_prefix("url", url, &public.value.prefix, notes);
    }
    let identity = identity?;
    warn_of_exposure(url, &identity, notes);
    Some(Target::Url(Box::new(keys.remote(url, identity)?)))
}

/// What stands behind has the path that clients know, since paths are never rewritten.
fn same_prefix(key: &str, url: &Found<Origin>, public: &str, notes: &mut Notes) {
    if public != url.value.prefix {
        let text = format!(
            "the path of `{key}` is \"{}/\" and that of `public_url` is \"{public}/\": they must be the same",
            url.value.prefix
        );
        notes.error(url.place, text);
    }
}

/// It is told of nobody, and so does what anybody asks who reaches it.
fn warn_of_lfs(url: &Found<Origin>, notes: &mut Notes) {
    if !origin::is_loopback(&url.value) {
        let text = "the server of `lfs_url` is told of nobody: whoever reaches it past gitlatch reads and \
                    writes every object";
        notes.warning(url.place, text);
    }
}

fn warn_of_exposure(url: &Found<Origin>, identity: &Identity, notes: &mut Notes) {
    if origin::is_loopback(&url.value) || matches!(identity, Identity::None) {
        return;
    }
    if matches!(identity, Identity::Header { .. }) {
        let text = "mode = \"header\" is only as safe as this host is unreachable past gitlatch: \
                    whoever reaches it directly writes any name into the header";
        notes.warning(url.place, text);
    }
    if !url.value.https {
        let text = "who is asking, or the credential, travels unencrypted to this host: use https";
        notes.warning(url.place, text);
    }
}

fn folder_target(
    keys: &Keys,
    identity: identity::Draft,
    environment: &Environment<'_>,
    public_url: Option<&Found<Origin>>,
    notes: &mut Notes,
) -> Option<Target> {
    let lfs = match &keys.lfs_url {
        // It is there and wrong, which is noted.
        None if keys.lfs_set => return None,
        None => None,
        Some(url) => {
            let public = public_url.map_or("", |public| &public.value.prefix);
            same_prefix("lfs_url", url, public, notes);
            warn_of_lfs(url, notes);
            Some(Box::new(keys.remote(url, Identity::None)?))
        }
    };
    let service_user = identity.for_folder(notes);
    if environment.for_serving {
        check_folder(keys, notes);
    }
    Some(Target::Folder {
        repositories: keys.repositories.as_ref()?.value.clone(),
        http_backend: keys.http_backend.as_ref().map(|program| program.value.clone()),
        service_user: service_user?,
        lfs,
    })
}

fn check_folder(keys: &Keys, notes: &mut Notes) {
    if let Some(program) = &keys.http_backend {
        let fault = match files::open(&program.value) {
            Ok((_, metadata)) if metadata.permissions().mode() & 0o111 != 0 => None,
            Ok(_) => Some("the file is no program: it is not executable".to_owned()),
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            notes.error(program.place, format!("`http_backend`: {fault}"));
        }
    }
    if let Some(repositories) = &keys.repositories {
        folder::check(repositories, rustix::process::geteuid().as_raw(), notes);
    }
}
