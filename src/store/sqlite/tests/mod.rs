//! The suite of every store, and what only a file has: modes, locks, damage, being replaced.

mod house;
mod migrations;
mod trail;

use super::*;
use crate::domain::names::UserName;
use crate::domain::token::TokenId;
use crate::store::conformance::{Backend, by, conformance, found, hash, moment, name, token, user};
use crate::store::{Answered, LastUse, Lookup, NewToken, Registry};
use std::fs::{self, OpenOptions, Permissions};
use std::mem::ManuallyDrop;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::process::Command;
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// A store in a folder of its own.
struct File {
    folder: TempDir,
    database: Database,
}

impl Default for File {
    fn default() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(&folder.path().join("gitlatch.db")).expect("a store");
        Self { folder, database }
    }
}

impl File {
    fn path(&self) -> PathBuf {
        self.folder.path().join("gitlatch.db")
    }

    /// The same file opened once more, as another process does.
    fn again(&self) -> Database {
        Database::open_existing(&self.path()).expect("opens again")
    }
}

impl Backend for File {
    type Registry = SqliteRegistry;
    type Reader = SqliteReader;

    fn registry(&self) -> SqliteRegistry {
        self.again().registry().expect("a registry")
    }

    fn reader(&self, reading: Reading) -> SqliteReader {
        self.database.reader(reading, 100).expect("a reader")
    }

    fn settle(&self) {
        self.database.serve().expect("starts").close();
    }
}

conformance! { File;
    users_are_known_without_case
    passwords_are_kept_as_they_are_given
    tokens_come_back_as_they_were_added
    a_token_needs_an_owner_who_is_there
    changes_are_seen_by_the_next_look_up
    an_edit_leaves_the_rest_alone
    a_removed_user_takes_the_tokens_along
    lists_are_of_one_owner
    live_tokens_are_counted
    grants_are_each_once
    a_principal_is_found_by_number_too
    settings_are_kept
    the_later_mark_of_use_is_kept
    a_second_look_up_is_answered_from_memory
    groups_are_known_without_case
    rights_come_and_go_with_a_group
    rights_are_own_and_of_groups
    an_edit_of_a_user_leaves_the_rest_alone
    a_successor_equals_and_the_old_one_ends
    no_overlap_revokes_at_once
    what_is_not_live_has_no_successor
    a_failed_rotation_changes_nothing
    suspension_is_seen_by_the_next_look_up
    filters_revoke_and_suspend
    each_condition_holds
    windows_are_parts_of_a_listing
    a_lifetime_is_held_to_the_settings
    permissions_are_held_to_the_settings
    an_owner_has_no_more_tokens_than_allowed
    a_limit_holds_for_all_who_add_at_once
    a_project_may_forbid_tokens_of_its_repositories
    a_credential_is_of_exactly_one_owner
    credentials_are_replaced_and_removed
    all_are_sealed_anew_or_none
    every_change_leaves_its_entries
    entries_tell_who_from_where_and_when
    entries_are_found_by_each_condition
    first_uses_and_new_addresses_are_told_once
}

fn refused(path: &Path) -> StoreError {
    Database::open_existing(path).expect_err("is refused")
}

#[test]
fn nobody_else_can_read_the_files() {
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
    let modes: Vec<u32> = ["", "-wal", "-shm", ".lock"]
        .iter()
        .map(|suffix| fs::metadata(open::beside(&store.path(), suffix)).expect(suffix))
        .map(|found| found.permissions().mode() & 0o7777)
        .collect();
    assert_eq!(modes, [0o600; 4]);
    let entries = fs::read_dir(store.folder.path()).expect("lists").count();
    assert_eq!(entries, 4, "nothing is left of its making but the lock");
}

#[test]
fn files_that_others_can_read_are_refused() {
    for suffix in ["", "-wal", "-shm"] {
        for mode in [0o604, 0o640, 0o620, 0o601] {
            let store = File::default();
            let exposed = open::beside(&store.path(), suffix);
            fs::set_permissions(&exposed, Permissions::from_mode(mode)).expect("set");
            match refused(&store.path()) {
                StoreError::Exposed { path, mode: found } => {
                    assert_eq!((path.file_name(), found), (exposed.file_name(), mode));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    assert!(matches!(refused(&path), StoreError::Absent(_)));
    assert!(!path.exists());

    fs::write(&path, "").expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
    assert!(matches!(refused(&path), StoreError::Foreign(_)));
    assert!(matches!(Database::open(&path), Err(StoreError::Foreign(_))));

    fs::write(&path, "not a database at all".repeat(100)).expect("written");
    assert!(matches!(refused(&path), StoreError::Database { .. }));

    fs::remove_file(&path).expect("removed");
    let other = Connection::open(&path).expect("opens");
    other.execute_batch("CREATE TABLE theirs (x)").expect("made");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
    assert!(matches!(refused(&path), StoreError::Foreign(_)));
}

#[test]
fn a_store_that_is_made_twice_at_once_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gitlatch.db");
    let open = || Database::open(&path).expect("a store");
    let all: Vec<Database> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().expect("lives")).collect()
    });
    all[0].registry().expect("opens").add_token(token("t", "team/"), &by(10)).expect("added");
    for one in &all {
        one.health().expect("healthy");
        assert!(found(&one.reader(Reading::PLAIN, 10).expect("opens"), "t").is_some());
    }
}

#[test]
fn a_removed_or_replaced_file_is_noticed() {
    for suffix in ["", "-shm"] {
        let store = File::default();
        let mut registry = store.registry();
        registry.add_token(token("t", "team/"), &by(10)).expect("added");
        let reader = store.reader(Reading::PLAIN);
        assert!(found(&reader, "t").is_some());

        let (path, aside) =
            (open::beside(&store.path(), suffix), store.folder.path().join("aside"));
        fs::rename(&path, &aside).expect("moved away");
        assert!(matches!(store.database.check_in_place(), Err(StoreError::Replaced(_))));
        assert!(matches!(reader.find_by_hash(&hash("t")), Err(StoreError::Replaced(_))));
        assert!(matches!(store.database.health(), Err(StoreError::Replaced(_))));
        let outcome = registry.add_token(token("lost", "team/"), &by(10));
        assert!(matches!(outcome, Err(StoreError::Replaced(_))), "{outcome:?}");

        fs::write(&path, "another").expect("written");
        assert!(matches!(store.database.check_in_place(), Err(StoreError::Replaced(_))));
        fs::rename(&aside, &path).expect("moved back");
        store.database.check_in_place().expect("is in place again");
        assert!(found(&reader, "t").is_some());
    }
}

#[test]
fn the_steward_notices_by_itself() {
    let store = File::default();
    let reader = store.reader(Reading::PLAIN);
    let steward = store.database.serve().expect("starts");
    fs::remove_file(store.path()).expect("removed");
    let begun = Instant::now();
    while reader.find_by_hash(&hash("t")).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never noticed");
        thread::sleep(Duration::from_millis(20));
    }
    steward.close();
}

/// Changes the database's file behind SQLite's back. The descriptor is never closed, so as not to
/// take the locks of this process away.
fn tamper(path: &Path, change: impl FnOnce(&fs::File)) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("opens");
    change(&ManuallyDrop::new(file));
}

/// Fills pages beyond the first few, and brings them all into the database's file.
fn filled() -> File {
    let store = File::default();
    let mut registry = store.registry();
    for n in 0..500 {
        registry.add_token(token(&format!("t{n}"), "team/"), &by(10)).expect("added");
    }
    let anchor = store.database.held.anchor.lock().expect("free");
    let write_back = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = anchor.query_row(write_back, [], |row| row.get(0)).expect("written back");
    assert_eq!(busy, 0);
    drop(anchor);
    store
}

#[test]
fn a_damaged_file_is_an_error_and_never_no_token() {
    type Damage = fn(&fs::File);
    let damages: [(&str, Damage); 3] = [
        ("pages overwritten", |file| {
            let length = file.metadata().expect("stat").len();
            let noise = vec![0xa5; usize::try_from(length).expect("small") - 4096];
            file.write_all_at(&noise, 4096).expect("written");
        }),
        ("cut", |file| file.set_len(8192).expect("cut")),
        ("emptied", |file| file.set_len(0).expect("cut")),
    ];
    for (what, damage) in damages {
        let store = filled();
        tamper(&store.path(), damage);
        // Opened before the damage, and without anything in memory.
        let Ok(reader) = store.database.reader(Reading::PLAIN, 10) else { continue };
        for n in 0..500 {
            match reader.find_by_hash(&hash(&format!("t{n}"))) {
                Err(StoreError::Database { .. }) | Ok((Some(_), _)) => {}
                other => panic!("{what}: {other:?}"),
            }
        }
        let outcome = reader.find_by_hash(&hash("t499"));
        assert!(matches!(outcome, Err(StoreError::Database { .. })), "{what}: {outcome:?}");
        assert!(store.database.health().is_err(), "{what}");
    }
}

#[test]
fn a_damaged_record_is_named_and_not_shown() {
    let fields = [
        ("only_patterns = '[\"a//b\"]'", "token 1, only_patterns"),
        ("only_patterns = '{}'", "token 1, only_patterns"),
        ("from_networks = '[\"hidden\"]'", "token 1, from_networks"),
        ("project = '../hidden'", "token 1, project"),
        ("project = '*'", "token 1, project"),
        ("project_permission = 'PROJECT_ADMIN'", "token 1, permissions"),
    ];
    for (change, expected) in fields {
        let store = File::default();
        store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
        let anchor = store.database.held.anchor.lock().expect("free");
        anchor.execute_batch(&format!("UPDATE token SET {change}")).expect(change);
        drop(anchor);
        let outcomes = [
            store.reader(Reading::PLAIN).find_by_hash(&hash("t")).map(drop),
            store.registry().find_token(TokenId(1)).map(drop),
        ];
        for outcome in outcomes {
            match outcome {
                Err(StoreError::Damaged { what, .. }) => assert_eq!(what, expected),
                other => panic!("{change}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_schema_refuses_to_forget_whose_a_live_token_is() {
    let store = File::default();
    let mut registry = store.registry();
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.add_token(token("t", "alice"), &by(10)).expect("added");
    let anchor = store.database.held.anchor.lock().expect("free");
    assert!(anchor.execute_batch("DELETE FROM user").is_err());
}

#[test]
fn a_held_write_lock_stops_writers_and_no_readers() {
    let store = File::default();
    let patience = Patience { write: Duration::from_millis(100), ..Patience::default() };
    let impatient = Database::open_patiently(&store.path(), patience).expect("opens");
    let mut registry = impatient.registry().expect("opens");
    registry.add_token(token("t", "team/"), &by(10)).expect("added");

    let other = store.again();
    let lock = other.held.anchor.lock().expect("free");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let outcome = registry.add_token(token("u", "team/"), &by(10));
    let Err(StoreError::Database { doing: "add a token", source, .. }) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(source.to_string().contains("another program is writing"), "{source}");
    assert_eq!(registry.count_tokens(moment(0)).expect("reads"), 1);
    let reader = impatient.reader(Reading::PLAIN, 10).expect("opens");
    assert!(found(&reader, "t").is_some());
    assert!(found(&reader, "u").is_none());
    lock.execute_batch("ROLLBACK").expect("unlocked");
    registry.add_token(token("u", "team/"), &by(10)).expect("added");
    assert!(found(&reader, "u").is_some());
}

#[test]
fn marks_that_cannot_be_written_are_kept() {
    let store = File::default();
    let id = store.registry().add_token(token("t", "team/"), &by(10)).expect("added").id;
    let reader = store.reader(Reading::PLAIN);
    let other = store.again();
    let lock = other.held.anchor.lock().expect("free");
    let steward = store.database.serve().expect("starts");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    reader.touch(id, LastUse { at: moment(7), from: None });
    thread::sleep(Duration::from_millis(2500));
    lock.execute_batch("ROLLBACK").expect("unlocked");
    steward.close();
    let last = store.registry().find_token(id).expect("answers").expect("found").last_used;
    assert_eq!(last.map(|last| last.at), Some(moment(7)));
}

/// Closing any descriptor of a file takes all of a process's POSIX locks on it: what one `Database`
/// does, or lets go of, may not take the locks of another.
#[test]
fn the_locks_outlive_other_handles_of_the_process() {
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
    drop(store.again());
    let _ = Database::open(&store.path()).expect("opens");
    let process = std::process::id().to_string();
    for suffix in ["", "-shm"] {
        let inode = fs::metadata(open::beside(&store.path(), suffix)).expect("stat").ino();
        let held = || {
            let locks = fs::read_to_string("/proc/locks").expect("the system's locks");
            locks.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.any(|word| word == process)
                    && words.any(|word| word.ends_with(&format!(":{inode}")))
            })
        };
        // The list is read in pieces and may lose lines while other tests lock and unlock; a lock that
        // is gone is in none of many readings.
        assert!((0..100).any(|_| held()), "no lock on `{suffix}`");
    }
}

#[test]
fn no_secret_is_in_the_files() {
    let store = File::default();
    let mut registry = store.registry();
    let new = NewToken { name: "visible".to_owned(), ..token("latu_the-secret", "team/") };
    registry.add_token(new, &by(10)).expect("added");
    registry.add_user(user("alice"), &by(1)).expect("added");
    registry.set_password(&name("alice"), "$argon2id$forgotten", &by(1)).expect("set");
    registry.remove_user(&name("alice"), &by(5)).expect("removed");
    drop(registry);
    drop(store.database);
    let content = fs::read(store.folder.path().join("gitlatch.db")).expect("read");
    let has = |text: &str| memchr::memmem::find(&content, text.as_bytes()).is_some();
    assert!(has("visible"));
    assert!(!has("the-secret"));
    assert!(!has("forgotten"), "what was deleted is overwritten");
}

#[test]
fn what_is_committed_survives_a_kill() {
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
    // A copy of the files as they lie there now is what a killed process leaves behind; another
    // program makes it, since closing our own descriptors would take our locks away.
    let copy = tempfile::tempdir().expect("a folder");
    for suffix in ["", "-wal"] {
        let from = open::beside(&store.path(), suffix);
        let copied = Command::new("cp").arg("-p").arg(&from).arg(copy.path()).status();
        assert!(copied.expect("runs").success());
    }
    let recovered = Database::open_existing(&copy.path().join("gitlatch.db")).expect("recovers");
    assert!(found(&recovered.reader(Reading::PLAIN, 10).expect("opens"), "t").is_some());
}

/// Names the store to the test below when it runs as the other process.
const OTHER: &str = "GITLATCH_TEST_OTHER_PROCESS";

#[test]
fn what_another_process_revokes_is_refused_at_once() {
    if let Some(path) = std::env::var_os(OTHER) {
        let mut registry = Database::open_existing(path.as_ref()).expect("opens").registry();
        registry.as_mut().expect("opens").revoke_token(TokenId(1), &by(1)).expect("revoked");
        return;
    }
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
    let reader = store.reader(Reading::PLAIN);
    assert!(found(&reader, "t").is_some());
    assert_eq!(reader.find_by_hash(&hash("t")).expect("answers").1, Answered::Memory);

    let (_, module) = module_path!().split_once("::").expect("is in a crate");
    let this = format!("{module}::what_another_process_revokes_is_refused_at_once");
    let other = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &this])
        .env(OTHER, store.path())
        .output()
        .expect("runs");
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stdout));
    assert!(found(&reader, "t").is_none());
    // It was not the last to close the store: the log stays where it is.
    store.database.check_in_place().expect("in place");
}

#[test]
fn a_copy_without_a_log_is_served_with_one() {
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(10)).expect("added");
    let copy = store.folder.path().join("copy.db");
    let anchor = store.database.held.anchor.lock().expect("free");
    anchor.execute("VACUUM INTO ?1", [copy.to_str()]).expect("copied");
    fs::set_permissions(&copy, Permissions::from_mode(0o600)).expect("set");
    let database = Database::open_existing(&copy).expect("opens");
    assert!(found(&database.reader(Reading::PLAIN, 10).expect("opens"), "t").is_some());
}

#[test]
fn readers_in_other_threads_see_each_revocation_at_once() {
    let store = File::default();
    let mut registry = store.registry();
    let reader = store.reader(Reading::PLAIN);
    for n in 0..200 {
        let secret = format!("t{n}");
        let id = registry.add_token(token(&secret, "team/"), &by(10)).expect("added").id;
        assert!(found(&reader, &secret).is_some());
        assert_eq!(reader.find_by_hash(&hash(&secret)).expect("answers").1, Answered::Memory);
        thread::scope(|scope| {
            let other = scope.spawn(|| registry.revoke_token(id, &by(1)));
            other.join().expect("lives").expect("revoked");
        });
        assert!(found(&reader, &secret).is_none(), "{n}");
    }
}
