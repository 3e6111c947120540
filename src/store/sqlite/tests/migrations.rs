//! Files of older programs, and of newer ones.

use super::*;
use crate::domain::names::NameCase;
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::store::conformance::{listed, person};
use crate::store::{TokenFilter, TrailFilter};

const FIRST: &str = include_str!("../migrations/0001.sql");

/// What a store of version 1 held: users, rights, tokens of every kind of owner, uses and settings.
const RECORDS: &str = r#"
INSERT INTO user (id, name, display_name, email, admin, active, password, created_ms) VALUES
    (1, 'Alice', 'Alice A.', 'alice@example.com', 1, 1, '$argon2id$a', 11),
    (3, 'bob', 'bob', '', 0, 0, NULL, 13);
INSERT INTO grant_ (id, user_id, project, repository, permission) VALUES
    (5, 1, 'team', 'app', 'REPO_WRITE'), (7, 1, '*', NULL, 'PROJECT_READ'), (8, 3, '*', NULL, 'REPO_READ');
INSERT INTO token (id, hash, name, owner_kind, user_id, user_name, project, repository,
                   project_permission, repository_permission, only_patterns, from_networks,
                   created_ms, expires_ms, revoked_ms) VALUES
    (1, x'01HASH', 'old', 'user', NULL, 'gone', NULL, NULL, NULL, 'REPO_READ', '[]', '[]', 20, NULL, 25),
    (2, x'02HASH', 'mine', 'user', 1, 'Alice', NULL, NULL, 'PROJECT_READ', 'REPO_WRITE', '["team"]', '["10.0.0.0/8"]', 21, 99, NULL),
    (5, x'05HASH', 'p', 'project', NULL, NULL, 'team', NULL, NULL, 'REPO_READ', '[]', '[]', 22, NULL, NULL),
    (9, x'09HASH', 'r', 'repository', NULL, NULL, 'team', 'app', NULL, 'REPO_ADMIN', '[]', '[]', 23, NULL, NULL);
INSERT INTO token_use (token_id, at_ms, from_address) VALUES (2, 30, '192.0.2.1'), (5, 31, NULL);
UPDATE setting SET expiry_required = 1, max_days = 90;
"#;

/// A store as version 1 left it, in WAL mode or, like a copy, without.
pub(super) fn first_version(path: &Path, journal: &str) -> Connection {
    let connection = Connection::open(path).expect("opens");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("set");
    connection.pragma_update(None, "journal_mode", journal).expect("set");
    connection.execute_batch(FIRST).expect("the first schema");
    connection.execute_batch(&RECORDS.replace("HASH", &"ab".repeat(31))).expect("records");
    let application = i32::from_be_bytes(*b"glat");
    connection.pragma_update(None, "application_id", application).expect("set");
    connection.pragma_update(None, "user_version", 1).expect("set");
    connection
}

/// The hash of the record that begins with this byte.
fn hash_of(first: u8) -> crate::domain::token::TokenHash {
    let mut bytes = [0xab; 32];
    bytes[0] = first;
    crate::domain::token::TokenHash::from_bytes(bytes)
}

fn contents(path: &Path) -> Vec<u8> {
    // By another program, so that no lock of this process is lost.
    let copied = Command::new("cat").arg(path).output().expect("runs");
    assert!(copied.status.success());
    copied.stdout
}

#[test]
#[expect(clippy::too_many_lines, reason = "one store, looked at from every side")]
fn a_store_of_the_first_version_loses_nothing() {
    for journal in ["WAL", "DELETE"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gitlatch.db");
        drop(first_version(&path, journal));
        let database = Database::open_existing(&path).expect("opens");
        let mut registry = database.registry().expect("opens");

        let users = registry.list_users().expect("lists");
        let told: Vec<String> = users
            .iter()
            .map(|user| {
                let (admin, active) = (user.admin, user.active);
                format!(
                    "{} {} {} {admin} {active} {}",
                    user.id, user.name, user.email, user.created
                )
            })
            .collect();
        assert_eq!(told, ["1 Alice alice@example.com true true 11", "3 bob  false false 13"]);
        let password = registry.password_of(&name("alice")).expect("answers");
        assert_eq!(password.as_deref(), Some("$argon2id$a"));
        let grants = registry.list_grants(None).expect("lists");
        let told: Vec<String> = grants
            .iter()
            .map(|record| {
                let (grant, grantee) = (&record.grant, &record.grantee);
                format!("{grantee} {} {} {:?}", grant.permission, grant.projects, grant.repository)
            })
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("Alice PROJECT_READ * None"), "{told:?}");
        assert!(told[1].starts_with("Alice REPO_WRITE team Some"), "{told:?}");
        assert_eq!(registry.list_grants(Some(&person("bob"))).expect("lists").len(), 1);

        let all = TokenFilter { revoked: true, ..TokenFilter::all(NameCase::Exact) };
        let told: Vec<String> = listed(&mut registry, &all)
            .iter()
            .map(|token| {
                assert_eq!((token.suspended, token.retires, token.successor), (None, None, None));
                assert!(token.limits.refs.is_empty());
                let moments = [token.expires, token.revoked, token.last_used.map(|last| last.at)];
                let moments = moments.map(|at| at.map_or(0, Timestamp::as_millis));
                format!("{} {} {} {moments:?}", token.id, token.owner, token.permissions)
            })
            .collect();
        let expected = [
            "1 user gone REPO_READ [0, 25, 0]",
            "2 user Alice PROJECT_READ, REPO_WRITE [99, 0, 30]",
            "5 project team REPO_READ [0, 0, 31]",
            "9 repository team/app REPO_ADMIN [0, 0, 0]",
        ];
        assert_eq!(told, expected);
        let settings = registry.settings().expect("answers");
        let expected =
            Settings { expiry_required: true, max_days: Some(90), ..Settings::default() };
        assert_eq!(settings, expected);

        let reader = database.reader(Reading::PLAIN, 10).expect("opens");
        for (first, honoured) in [(1, false), (2, true), (5, true), (9, true)] {
            let found = reader.find_by_hash(&hash_of(first)).expect("answers").0;
            assert_eq!(found.is_some(), honoured, "{first}");
        }
        // What was used from somewhere before is not used for the first time; another place is new.
        reader.touch(TokenId(2), LastUse { at: moment(40), from: "192.0.2.1".parse().ok() });
        reader.touch(TokenId(2), LastUse { at: moment(41), from: "192.0.2.2".parse().ok() });
        reader.touch(TokenId(9), LastUse { at: moment(42), from: None });
        database.serve().expect("starts").close();
        let trail = registry.trail(&TrailFilter::default()).expect("reads");
        let events: Vec<&str> = trail.iter().map(|entry| entry.event.as_str()).collect();
        assert_eq!(events, ["token.new-address", "token.first-use"]);
        // Numbers go on where they were.
        registry.change_settings(&|_| Settings::default(), &by(1)).expect("set");
        assert_eq!(
            registry.add_token(token("t", "team/"), &by(50)).expect("added").id,
            TokenId(10)
        );
        assert_eq!(registry.add_user(user("carol"), &by(50)).expect("added").id, 4);
    }
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gitlatch.db");
    let connection = first_version(&path, "WAL");
    // Among the last things that the migration makes, so that most of it was done before.
    connection.execute_batch("CREATE TABLE trail (in_the_way)").expect("made");
    let schema = |connection: &Connection| -> (i64, String) {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let sql = "SELECT group_concat(name || ifnull(sql, ''), ';') FROM sqlite_schema";
        let schema = connection.query_row(sql, [], |row| row.get(0));
        (version.expect("a version"), schema.expect("a schema"))
    };
    let before = schema(&connection);
    let error = refused(&path);
    let text = error.to_string();
    let expected = format!(
        "the store at {} cannot be brought up to date; nothing in it was changed",
        path.display()
    );
    assert_eq!(text, expected);
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("table trail already exists"), "{cause}");
    assert_eq!(schema(&connection), before);
    let users: i64 =
        connection.query_row("SELECT count(*) FROM user", [], |row| row.get(0)).expect("counts");
    assert_eq!(users, 2);
    // With what was in the way gone, it goes.
    connection.execute_batch("DROP TABLE trail").expect("dropped");
    drop(connection);
    Database::open_existing(&path).expect("opens");
}

#[test]
fn a_newer_store_is_refused() {
    let store = File::default();
    let anchor = store.database.held.anchor.lock().expect("free");
    anchor.pragma_update(None, "user_version", 1000).expect("set");
    for error in [refused(&store.path()), Inspection::of(&store.path()).expect_err("is refused")] {
        assert!(matches!(error, StoreError::Newer(_)));
        let text = format!(
            "the store at {} was written by a newer gitlatch; run that one",
            store.path().display()
        );
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn the_schema_of_a_release_never_changes() {
    // When this fails, a migration was changed that stores out there have already applied.
    let pinned = [
        (include_bytes!("../migrations/0001.sql").as_slice(), 3_950_290_402),
        (include_bytes!("../migrations/0002.sql").as_slice(), 120_203_201),
    ];
    for (n, (migration, crc)) in pinned.into_iter().enumerate() {
        assert_eq!(crc32fast::hash(migration), crc, "migration {}", n + 1);
    }
}

#[test]
fn a_look_at_an_older_store_changes_nothing() {
    for journal in ["WAL", "DELETE"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gitlatch.db");
        drop(first_version(&path, journal));
        let before = contents(&path);
        let seen = Inspection::of(&path).expect("is read");
        assert!(seen.older);
        let names: Vec<&str> = seen.users.iter().map(UserName::as_str).collect();
        assert_eq!(names, ["Alice", "bob"]);
        assert_eq!(contents(&path), before, "{journal}");
        let entries = fs::read_dir(folder.path()).expect("lists").count();
        assert_eq!(entries, 1, "nothing is left beside it");
    }
    let store = File::default();
    store.registry().add_user(user("alice"), &by(1)).expect("added");
    let seen = Inspection::of(&store.path()).expect("is read");
    assert_eq!((seen.older, seen.users), (false, vec![name("alice")]));
}

/// What keeps `open` out keeps a look out.
#[test]
fn a_look_refuses_what_is_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gitlatch.db");
    let look = || Inspection::of(&path).expect_err("is refused");
    assert!(matches!(look(), StoreError::Absent(_)));
    let other = Connection::open(&path).expect("opens");
    other.execute_batch("CREATE TABLE theirs (x)").expect("made");
    assert!(matches!(look(), StoreError::Exposed { .. }));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
    assert!(matches!(look(), StoreError::Foreign(_)));
}
