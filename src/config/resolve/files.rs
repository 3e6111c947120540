//! Files that the configuration names: whether they can be read, and by whom else.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest file that a secret is read from, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Opens a regular file.
///
/// The fault does not name the path: where a secret's file is expected, the "path" that does not
/// exist may be the secret itself.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), String> {
    let cannot = |cause: std::io::Error| format!("the file cannot be read: {cause}");
    // Looked at before it is opened: opening a named pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    Ok((file, metadata))
}

/// Reads a file with a secret in it, which is for its owner and its group alone.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read(path, true, LONGEST)
}

/// Reads a file of at most so many bytes; one with a secret in it is for its owner and its group alone.
pub(in crate::config) fn read(
    path: &Path,
    secret: bool,
    longest: u64,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let (file, metadata) = open(path)?;
    if secret {
        private(path, &metadata, Besides::Group)?;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(longest + 1).read_to_end(&mut bytes);
    read.map_err(|cause| format!("the file cannot be read: {cause}"))?;
    if bytes.len() as u64 > longest {
        return Err(format!(
            "the file has more than {longest} bytes, which is too much for what it holds"
        ));
    }
    Ok(bytes)
}

/// Who may use a file besides its owner.
#[derive(Clone, Copy)]
pub(super) enum Besides {
    /// Nobody: the store.
    Nobody,
    /// Its group may read it: that is how Debian's `ssl-cert` and Kubernetes' `fsGroup` hand out keys.
    Group,
}

/// Whether nobody else may use the file, as its mode says.
pub(super) fn private(path: &Path, metadata: &Metadata, besides: Besides) -> Result<(), String> {
    let (forbidden, those) = match besides {
        Besides::Nobody => (0o077, "its owner"),
        Besides::Group => (0o037, "its owner and its group"),
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        let path = quoted(path);
        return Err(format!(
            "others than {those} may use {path} (mode {mode:04o}); run: chmod 600 {path}"
        ));
    }
    Ok(())
}

/// A path fit for one line of a report: names of files may hold anything but a slash.
pub(in crate::config) fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}
