//! Backups, and stores brought back from them.

use super::*;
use crate::domain::names::{GroupName, NameCase, ProjectPath, ProjectScope};
use crate::domain::principal::{Grant, Grantee};
use crate::domain::settings::{ProjectSettings, Settings};
use crate::domain::trail::Event;
use crate::store::conformance::{listed, owner};
use crate::store::{Contents, Moving, TokenFilter, TrailFilter};

/// What a restoration says it carried: revoked, suspended, ending, disabled, removed.
fn carried(restored: &Restored) -> [u64; 5] {
    let Carried { revoked, suspended, ending, disabled, removed } = restored.carried;
    [revoked, suspended, ending, disabled, removed]
}

/// Lets go of the store and gives its folder.
fn closed(store: File) -> TempDir {
    let File { folder, database } = store;
    drop(database);
    folder
}

fn honoured(path: &Path, secrets: &[&str]) -> String {
    let database = Database::open_existing(path).expect("opens");
    let reader = database.reader(Reading::PLAIN, 10).expect("opens");
    secrets.iter().filter(|secret| found(&reader, secret).is_some()).copied().collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("lists")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_whole_and_private_and_overwrites_nothing() {
    let store = File::default();
    let mut registry = store.registry();
    registry.add_token(token("t", "team/"), &by(1)).expect("added");
    let gone = registry.add_token(token("gone", "team/"), &by(1)).expect("added").id;
    registry.revoke_token(gone, &by(2)).expect("revoked");
    let target = store.folder.path().join("backup.db");
    let backup = store.database.back_up(&target).expect("written");
    let found = fs::metadata(&target).expect("stat");
    assert_eq!((found.mode() & 0o7777, found.len()), (0o600, backup.size));
    assert_eq!((backup.tokens, backup.head), (1, registry.trail_head().expect("answers")));
    assert_eq!(honoured(&target, &["t", "gone"]), "t");
    let before = files(store.folder.path()).len();
    for taken in [&target, &store.path()] {
        let outcome = store.database.back_up(taken);
        assert!(matches!(outcome, Err(StoreError::Taken(_))), "{outcome:?}");
    }
    let nowhere = store.folder.path().join("none/backup.db");
    assert!(matches!(store.database.back_up(&nowhere), Err(StoreError::Backup { .. })));
    assert_eq!(files(store.folder.path()).len(), before, "nothing is left");
}

#[test]
fn what_ended_since_the_backup_does_not_come_to_life() {
    let store = File::default();
    let mut registry = store.registry();
    for text in ["alice", "bob", "carol"] {
        registry.add_user(user(text), &by(1)).expect("added");
    }
    let owners = [("a", "alice"), ("b", "bob"), ("c", "carol"), ("t", "team/"), ("u", "team/")];
    for (secret, whose) in owners.into_iter().chain([("v", "team/"), ("w", "team/")]) {
        registry.add_token(token(secret, whose), &by(2)).expect("added");
    }
    let backup = store.folder.path().join("backup.db");
    store.database.back_up(&backup).expect("written");

    registry.set_active(&name("bob"), false, &by(10)).expect("disabled");
    registry.remove_user(&name("carol"), &by(11)).expect("removed");
    // Somebody else, who has the name now, and is not in the backup.
    registry.add_user(user("carol"), &by(12)).expect("added");
    registry.revoke_token(TokenId(4), &by(13)).expect("revoked");
    registry.set_suspended(TokenId(5), true, &by(14)).expect("suspended");
    let next = registry.rotate_token(TokenId(6), hash("next"), moment(500), &by(15));
    assert_eq!(next.expect("rotated").id, TokenId(8));
    let (path, old_head) = (store.path(), registry.trail_head().expect("answers"));
    drop(registry);

    let refused = restore(&path, &backup, false, &by(20)).expect_err("is in use");
    assert!(matches!(refused, StoreError::InUse(_)), "{refused:?}");
    let folder = closed(store);
    let restored = restore(&path, &backup, false, &by(20)).expect("restored");
    assert_eq!(carried(&restored), [1, 1, 1, 1, 1]);
    assert!(restored.unreadable.is_none());
    let kept = folder.path().join("gitlatch.db.before-restore-1");
    assert_eq!(restored.kept.as_deref().and_then(Path::file_name), kept.file_name());
    let expected = ["backup.db", "gitlatch.db", "gitlatch.db.before-restore-1", "gitlatch.db.lock"];
    assert_eq!(files(folder.path()), expected);
    assert_eq!(fs::metadata(&path).expect("stat").mode() & 0o7777, 0o600);

    let secrets = ["a", "b", "c", "t", "u", "v", "w", "next"];
    assert_eq!(honoured(&path, &secrets), "avw");
    let database = Database::open_existing(&path).expect("opens");
    let mut registry = database.registry().expect("opens");
    let ended = registry.find_token(TokenId(4)).expect("answers").expect("kept");
    assert_eq!(ended.revoked, Some(moment(13)));
    let ending = registry.find_token(TokenId(6)).expect("answers").expect("kept");
    assert_eq!((ending.retires, ending.successor), (Some(moment(500)), None));
    assert!(!registry.find_user("bob").expect("answers").expect("is there").active);
    assert!(registry.find_user("carol").expect("answers").is_none());
    // Numbers that were given out since are not given out again.
    assert_eq!(registry.add_token(token("x", "team/"), &by(30)).expect("added").id, TokenId(9));
    assert_eq!(registry.add_user(user("dave"), &by(30)).expect("added").id, 5);

    assert!(registry.verify_trail(Some(restored.head.link)).expect("reads").is_ok());
    let event = Some(Event::StoreRestored);
    let told = registry.trail(&TrailFilter { event, ..TrailFilter::default() }).expect("reads");
    let details: serde_json::Value = serde_json::from_str(&told[0].details).expect("JSON");
    assert_eq!(details["replaced"]["head"], old_head.link.to_string());
    assert_eq!(
        (&told[0].actor_kind, &details["revokedTokens"]),
        (&"operator".to_owned(), &1.into())
    );
    // What was there before is whole, and can be looked at.
    fs::copy(&kept, folder.path().join("copy.db")).expect("copied");
    assert_eq!(honoured(&folder.path().join("copy.db"), &secrets), "avwnext");
}

#[test]
fn a_restored_store_forgets_no_generation() {
    let store = File::default();
    let backup = store.folder.path().join("backup.db");
    store.database.back_up(&backup).expect("written");
    let generation = |path: &Path| {
        let raw = Connection::open(path).expect("opens");
        principals::generation(&raw).expect("reads")
    };
    let (path, before) = (store.path(), generation(&backup));
    let _folder = closed(store);
    restore(&path, &backup, false, &by(1)).expect("restored");
    assert_ne!(generation(&path), before);
}

#[test]
fn a_fresh_machine_needs_no_store() {
    let store = File::default();
    store.registry().add_token(token("t", "team/"), &by(1)).expect("added");
    let folder = tempfile::tempdir().expect("a folder");
    let (backup, path) = (folder.path().join("backup.db"), folder.path().join("new.db"));
    store.database.back_up(&backup).expect("written");
    let restored = restore(&path, &backup, false, &by(2)).expect("restored");
    assert_eq!(
        (restored.tokens, restored.kept, carried_nothing(restored.carried)),
        (1, None, true)
    );
    assert_eq!(honoured(&path, &["t"]), "t");
    assert_eq!(files(folder.path()), ["backup.db", "new.db", "new.db.lock"]);
}

fn carried_nothing(carried: Carried) -> bool {
    carried == Carried::default()
}

#[test]
fn a_backup_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let (backup, path) = (folder.path().join("backup.db"), folder.path().join("gitlatch.db"));
    drop(migrations::first_version(&backup, "DELETE"));
    let older = migrations::first_version(&path, "WAL");
    older.execute_batch("UPDATE token SET revoked_ms = 77 WHERE id = 9").expect("revoked");
    older.execute_batch("UPDATE user SET active = 0").expect("disabled");
    drop(older);
    let restored = restore(&path, &backup, false, &by(100)).expect("restored");
    assert_eq!(carried(&restored), [1, 0, 0, 1, 0]);
    let mut registry = Database::open_existing(&path).expect("opens").registry().expect("opens");
    let all = TokenFilter { revoked: false, ..TokenFilter::all(NameCase::Exact) };
    assert_eq!(listed(&mut registry, &all).len(), 2);
    let of = TokenFilter::of(owner("team/app"), NameCase::Exact);
    assert!(listed(&mut registry, &of).is_empty());
}

/// What is no backup, or a broken one, is refused before anything is touched.
#[test]
fn a_bad_backup_changes_nothing() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 7] = [
        ("gone", |path| fs::remove_file(path).expect("removed"), "there is no store"),
        ("empty", |path| fs::write(path, "").expect("written"), "is not a gitlatch store"),
        ("text", |path| fs::write(path, "text ".repeat(999)).expect("written"), "not a database"),
        ("foreign", |path| sql(path, "PRAGMA application_id = 7"), "is not a gitlatch store"),
        ("newer", |path| sql(path, "PRAGMA user_version = 99"), "newer gitlatch"),
        (
            "trail",
            |path| {
                let change = "UPDATE trail SET actor = 'nobody' WHERE number = 3";
                sql(path, &format!("DROP TRIGGER trail_is_never_changed; {change}"));
            },
            "the trail in",
        ),
        (
            "pages",
            |path| {
                let file = OpenOptions::new().write(true).open(path).expect("opens");
                file.write_all_at(&[0xa5; 4096], 5 * 4096).expect("written");
            },
            "",
        ),
    ];
    for (what, spoil, expected) in cases {
        let store = File::default();
        for n in 0..50 {
            store.registry().add_token(token(&format!("t{n}"), "team/"), &by(1)).expect("added");
        }
        let backup = store.folder.path().join("backup.db");
        store.database.back_up(&backup).expect("written");
        spoil(&backup);
        let path = store.path();
        let folder = closed(store);
        let before = files(folder.path());
        let error = restore(&path, &backup, false, &by(2)).expect_err(what);
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", cause.unwrap_or_default());
        assert!(text.contains(expected) && text.contains("backup.db"), "{what}: {text}");
        assert_eq!(files(folder.path()), before, "{what}");
        assert_eq!(honoured(&path, &["t7"]), "t7");
    }
    let store = File::default();
    let (path, _folder) = (store.path(), closed(store));
    assert!(matches!(restore(&path, &path, false, &by(1)), Err(StoreError::Foreign(_))));
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).expect("opens").execute_batch(sql).expect(sql);
}

/// What was revoked stays so over two restorations: the second backup has it still alive, and the store in
/// between has never heard of it.
#[test]
fn a_second_restoration_forgets_nothing() {
    let store = File::default();
    let (first, second) = (store.folder.path().join("a.db"), store.folder.path().join("b.db"));
    store.database.back_up(&first).expect("written");
    let mut registry = store.registry();
    registry.add_user(user("mallory"), &by(1)).expect("added");
    let token = registry.add_token(token("t", "team/"), &by(1)).expect("added");
    store.database.back_up(&second).expect("written");
    registry.revoke_token(token.id, &by(2)).expect("revoked");
    registry.set_active(&name("mallory"), false, &by(2)).expect("disabled");
    drop(registry);
    let path = store.path();
    let _folder = closed(store);
    restore(&path, &first, false, &by(3)).expect("restored");
    let restored = restore(&path, &second, false, &by(4)).expect("restored");
    assert_eq!((restored.carried.revoked, restored.carried.disabled), (1, 1));
    assert_eq!(honoured(&path, &["t"]), "");
}

/// A store that is damaged, with a log that must not be played into the new one.
#[test]
fn an_unreadable_store_is_kept_aside() {
    for damage in ["", "no database at all"] {
        let store = File::default();
        store.registry().add_token(token("t", "team/"), &by(1)).expect("added");
        let backup = store.folder.path().join("backup.db");
        store.database.back_up(&backup).expect("written");
        let path = store.path();
        let folder = closed(store);
        for suffix in ["", "-wal", "-shm"] {
            let file = open::beside(&path, suffix);
            fs::write(&file, damage.repeat(500)).expect("written");
        }
        // Only it knows what was revoked since.
        let refused = restore(&path, &backup, false, &by(2)).expect_err("is refused");
        assert!(matches!(refused, StoreError::Forgets(_)), "{refused}");
        let restored = restore(&path, &backup, true, &by(2)).expect("restored");
        assert!(restored.unreadable.is_some() && restored.kept.is_some());
        assert_eq!((honoured(&path, &["t"]).as_str(), restored.carried.suspended), ("", 1));
        let kept = folder.path().join("gitlatch.db.before-restore-1");
        assert_eq!(fs::metadata(&kept).expect("kept").len(), damage.len() as u64 * 500);
        // SQLite takes a log away that has nothing in it; what it leaves is kept, and is not played in.
        let log = open::beside(&kept, "-wal").exists();
        assert!(log || !damage.is_empty());
        assert!(!open::beside(&path, "-wal").exists());
    }
}

/// Whoever has the file open without our lock, an older gitlatch or SQLite's shell, is noticed.
#[test]
fn other_programs_are_noticed() {
    let store = File::default();
    let backup = store.folder.path().join("backup.db");
    store.database.back_up(&backup).expect("written");
    let path = store.path();
    let _folder = closed(store);
    let other = Connection::open(&path).expect("opens");
    other.query_row("SELECT count(*) FROM token", [], |row| row.get::<_, i64>(0)).expect("reads");
    let refused = restore(&path, &backup, false, &by(2)).expect_err("is in use");
    assert!(matches!(refused, StoreError::InUse(_)), "{refused:?}");
    drop(other);
    restore(&path, &backup, false, &by(2)).expect("restored");
}

#[test]
fn nobody_opens_a_store_that_is_being_restored() {
    let store = File::default();
    let path = store.path();
    let _folder = closed(store);
    let lock = lock::Lock::exclusive(&path).expect("locked");
    assert!(matches!(refused(&path), StoreError::Restoring(_)));
    assert!(matches!(Database::open(&path), Err(StoreError::Restoring(_))));
    drop(lock);
    Database::open_existing(&path).expect("opens");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one document, from beginning to end")]
fn what_moves_is_the_same_elsewhere() {
    let store = File::default();
    let mut registry = store.registry();
    for text in ["Alice", "bob"] {
        registry.add_user(user(text), &by(1)).expect("added");
    }
    let group = GroupName::new("Devs").expect("a name");
    registry.add_group(&group, &by(2)).expect("added");
    registry.add_member(&group, &name("alice"), &by(2)).expect("joined");
    let grant = Grant {
        projects: ProjectScope::new("team/**").expect("a scope"),
        repository: None,
        permission: "REPO_READ".parse().expect("a permission"),
    };
    registry.add_grant(&Grantee::Group(group), &grant, &by(3)).expect("granted");
    let owners = ["alice", "bob", "team/**/", "team/app", "-/x", "gone/", "ended/"];
    for (n, whose) in (1..).zip(owners) {
        let new = NewToken { expires: (n == 7).then_some(moment(50)), ..token(whose, whose) };
        assert_eq!(registry.add_token(new, &by(10 + n)).expect("added").id, TokenId(n));
    }
    registry.set_active(&name("bob"), false, &by(20)).expect("disabled");
    registry.set_suspended(TokenId(3), true, &by(21)).expect("suspended");
    registry.rotate_token(TokenId(4), hash("next"), moment(900), &by(22)).expect("rotated");
    registry.revoke_token(TokenId(6), &by(23)).expect("revoked");
    let reader = store.reader(Reading::PLAIN);
    reader.touch(TokenId(1), LastUse { at: moment(30), from: "2001:db8::1".parse().ok() });
    store.settle();
    let strict = Settings { max_tokens: Some(1), ..Settings::default() };
    registry.change_settings(&|_| strict, &by(24)).expect("set");
    let forbidden = ProjectSettings { repository_tokens: false };
    let team = ProjectPath::new("Team").expect("a project");
    registry.set_project_settings(&team, forbidden, &by(25)).expect("set");
    let contents = registry.export(moment(100)).expect("exported");
    assert_eq!(contents.tokens.len(), 6, "neither the revoked nor the expired one");

    let other = File::default();
    let mut registry = other.registry();
    registry.add_token(token("own", "own/"), &by(1)).expect("added");
    let imported = registry.import(&contents, true, &by(200)).expect("imported");
    assert_eq!((imported.users, imported.groups, imported.grants, imported.tokens), (2, 1, 1, 6));
    let mut there = registry.export(moment(100)).expect("exported");
    there.tokens.retain(|(token, _)| token.owner != owner("own/"));
    for ((record, _), new) in there.tokens.iter_mut().zip([1, 2, 3, 4, 5, 8]) {
        assert_ne!(record.id.0, new, "a number of its own");
        record.id = TokenId(new);
        record.successor = record.successor.map(|_| TokenId(8));
    }
    assert!(there == contents);

    // The same secrets, with the same verdicts; and a use that is not the first.
    let reader = other.reader(Reading::PLAIN);
    let honoured = |secret: &&str| found(&reader, secret).is_some();
    let secrets = ["alice", "bob", "team/**/", "team/app", "next", "-/x", "gone/", "ended/"];
    let live: Vec<&str> = secrets.into_iter().filter(honoured).collect();
    assert_eq!(live, ["alice", "team/app", "next", "-/x"]);
    let alices = found(&reader, "alice").expect("found").id;
    reader.touch(alices, LastUse { at: moment(300), from: "2001:db8::2".parse().ok() });
    other.settle();
    let trail = registry.trail(&TrailFilter::default()).expect("reads");
    let events: Vec<&str> = trail.iter().map(|entry| entry.event.as_str()).collect();
    let expected =
        ["token.created", "settings.changed", "settings.project-changed", "store.imported"];
    assert_eq!(events, expected);

    // All or nothing, and never without the users that it names.
    let head = registry.trail_head().expect("answers");
    let again = registry.import(&contents, true, &by(400)).map(drop);
    assert!(matches!(again, Err(StoreError::Exists { what: "user", .. })), "{again:?}");
    let orphans = Contents { users: Vec::new(), groups: Vec::new(), ..contents };
    let outcome = registry.import(&orphans, false, &by(400)).map(drop);
    assert!(matches!(outcome, Err(StoreError::Missing { .. } | StoreError::Exists { .. })));
    assert_eq!(registry.trail_head().expect("answers"), head);
}
