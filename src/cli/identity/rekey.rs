//! `gitlatch identity rekey`: every credential under another key, and never one that no key opens.

use crate::cli::{context, output};
use crate::config::KeySource;
use crate::domain::key::{KeyId, KeyRing, LENGTH};
use crate::manage::identities;
use crate::store::Registry;
use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, Metadata};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Seals all credentials with the first key; where there is one key and it is in a file, with a new one
/// that takes its place.
pub(super) fn run(registry: &mut impl Registry, keys: &KeySource) -> anyhow::Result<()> {
    let Some(path) = keys.file() else {
        return under_the_first(registry, &*keys.ring()?, "key_env");
    };
    let file = KeyFile::open(path)?;
    let ring = keys.read()?;
    if ring.ids().count() > 1 {
        return under_the_first(registry, &ring, "key_file");
    }
    let new = fresh()?;
    // In this order nothing is lost wherever it ends. With both keys in the file everything opens,
    // whether or not it is sealed with the new key yet, and a server that meets the new key reads the
    // file again. Who runs this again after it was cut short has two keys in the file, and comes to the
    // end by the branch above.
    let both = Zeroizing::new(format!("{}\n{}", *new, *file.text));
    file.replace(&both)?;
    let ring = KeyRing::parse(&both)?;
    let count = identities::rekey(registry, &ring, &context::operator()?).with_context(|| {
        format!("nothing is sealed anew, and {} now has a new key in front", path.display())
    })?;
    if !sealed_with(registry, ring.sealing().id())? {
        bail!(
            "credentials were stored with the old key meanwhile, so that {} keeps both: run this again",
            path.display()
        );
    }
    file.replace(&file.without_the_key(&new))?;
    let sealed = sealed(count);
    output::line(&format!(
        "{sealed} with the new key {}, which has taken the place of the old one in {}",
        ring.sealing().id(),
        path.display()
    ))
}

/// The operator has put another key in front, and removes the others.
fn under_the_first(
    registry: &mut impl Registry,
    ring: &KeyRing,
    place: &str,
) -> anyhow::Result<()> {
    let first = ring.sealing().id();
    let others: Vec<String> =
        ring.ids().filter(|id| *id != first).map(|id| id.to_string()).collect();
    let count = identities::rekey(registry, ring, &context::operator()?)?;
    if !sealed_with(registry, first)? {
        bail!("credentials were stored with another key meanwhile: run this again");
    }
    let sealed = sealed(count);
    output::line(&match others.as_slice() {
        [] => format!(
            "{sealed} with the key {first}, the only one in `{place}`; for another put it in front of \
             that one, and run this again"
        ),
        others => format!(
            "{sealed} with the first key {first}; what else is in `{place}` is not needed any more and \
             may go: {}",
            others.join(" ")
        ),
    })
}

fn sealed(count: u64) -> String {
    match count {
        1 => "1 credential is sealed".to_owned(),
        count => format!("{count} credentials are sealed"),
    }
}

/// Whether no credential needs another key: one may have been stored while this ran.
fn sealed_with(registry: &mut impl Registry, key: KeyId) -> anyhow::Result<bool> {
    Ok(registry.list_identities()?.iter().all(|identity| identity.key == key))
}

fn fresh() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    getrandom::fill(&mut *bytes).context("the system gave no random bytes for a key")?;
    Ok(Zeroizing::new(STANDARD.encode(*bytes)))
}

/// Keeps a `rekey` of these keys from beginning until the value is dropped, and waits for one that runs.
pub(super) fn held(keys: &KeySource) -> anyhow::Result<Option<File>> {
    let Some(named) = keys.file() else { return Ok(None) };
    let cannot = || format!("{} cannot be read", named.display());
    let path = named.canonicalize().with_context(cannot)?;
    let folder = File::open(parent(&path)).with_context(cannot)?;
    folder.lock_shared().with_context(cannot)?;
    Ok(Some(folder))
}

/// The file of the keys, held against another `rekey`: two at once would each drop the other's key.
struct KeyFile {
    path: PathBuf,
    metadata: Metadata,
    text: Zeroizing<String>,
    /// The folder, since the file itself is replaced. Its lock goes with it.
    _locked: File,
}

impl KeyFile {
    fn open(named: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{} cannot be read", named.display());
        // What a symbolic link points to is replaced, and not the link.
        let path = named.canonicalize().with_context(cannot)?;
        let folder = File::open(parent(&path)).with_context(cannot)?;
        if folder.try_lock().is_err() {
            bail!("another process changes {} now: wait for it", named.display());
        }
        let metadata = path.metadata().with_context(cannot)?;
        let text = Zeroizing::new(std::fs::read_to_string(&path).with_context(cannot)?);
        Ok(Self { path, metadata, text, _locked: folder })
    }

    /// Puts another text in the place of the file, wholly or not at all, for the same eyes only.
    fn replace(&self, text: &str) -> anyhow::Result<()> {
        let write = || -> std::io::Result<()> {
            // Nobody but us may read it until it has its owner and its mode.
            let mut new = tempfile::NamedTempFile::new_in(parent(&self.path))?;
            new.write_all(text.as_bytes())?;
            let own = new.as_file().metadata()?;
            let (uid, gid) = (self.metadata.uid(), self.metadata.gid());
            if (own.uid(), own.gid()) != (uid, gid) {
                std::os::unix::fs::fchown(new.as_file(), Some(uid), Some(gid))?;
            }
            new.as_file().set_permissions(self.metadata.permissions())?;
            new.as_file().sync_all()?;
            new.persist(&self.path)?;
            File::open(parent(&self.path))?.sync_all()
        };
        write().with_context(|| {
            format!(
                "{} cannot be replaced; with another key put in front of the one in it, `gitlatch \
                 identity rekey` needs only to read it",
                self.path.display()
            )
        })
    }

    /// The file with the new key in the place of its one key; its comments stay.
    fn without_the_key(&self, new: &str) -> Zeroizing<String> {
        let is_key = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let mut text = Zeroizing::new(String::with_capacity(self.text.len() + new.len() + 1));
        for line in std::iter::once(new).chain(self.text.lines().filter(|line| !is_key(line))) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
