//! What rules about refs say to an upload of Git LFS, which names the ref that its objects belong to.

use super::super::git::lfs::BatchRef;
use super::super::git::receive_pack::{Push, RefChange};
use super::super::names::RepoPath;
use super::super::principal::TokenPrincipal;
use super::Denial;
use super::protection::Protection;
use super::refs::{self, Law};

/// Judges an upload to a repository: the ref that it names must be one that the token may push to.
///
/// # Errors
/// When it is not, or when the token is held to refs and the upload names none.
pub fn judge_upload(
    who: &TokenPrincipal,
    repository: &RepoPath,
    belongs: Option<&BatchRef>,
    protections: &[Protection],
) -> Result<(), Denial> {
    let rules = &who.limits.refs;
    let Some(BatchRef::Name(name)) = belongs else {
        // The push that follows is held to the rules in any case; objects by themselves change no ref.
        if rules.patterns().is_empty() {
            return Ok(());
        }
        let text = format!(
            "this token is held to rules about refs ({}), and the upload does not name the ref that it is \
             for",
            rules.describe().join(", ")
        );
        return Err(Denial::Refs { text });
    };
    // As if the ref were made: whether it is deleted or moved by force is for the push to show.
    let change = RefChange { name: name.clone(), old: "0".repeat(40), new: "1".repeat(40) };
    let push = Push { changes: vec![change], ..Push::default() };
    let law = Law { protections, options: &[], tells_force: true };
    match refs::judge(who, repository, &push, law) {
        Ok(_) => Ok(()),
        Err(denial) => Err(Denial::Refs { text: denial.text }),
    }
}
