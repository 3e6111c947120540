//! What a look-up costs: from memory, from the database, and of a token that is not there.

#![expect(clippy::expect_used, reason = "a bench that cannot go on has nothing to say")]

use criterion::{Criterion, criterion_group, criterion_main};
use gitlatch::domain::permission::{Permission, Permissions};
use gitlatch::domain::policy::limits::Limits;
use gitlatch::domain::principal::{Owner, OwnerKind};
use gitlatch::domain::timestamp::Timestamp;
use gitlatch::domain::token::{TokenHash, TokenId};
use gitlatch::domain::trail::{Actor, Author};
use gitlatch::store::sqlite::{Database, SqliteReader};
use gitlatch::store::{LastUse, Lookup, NewToken, NewUser, Reading, Registry, RightsSource};
use std::hint::black_box;
use std::path::Path;

/// Tokens that are looked up, of many that are there.
const KNOWN: usize = 64;

fn hash(number: usize) -> TokenHash {
    TokenHash::of(&number.to_le_bytes())
}

/// A store of `tokens`: half of them a user's, half a project's.
fn filled(path: &Path, tokens: usize) -> Database {
    let database = Database::open(path).expect("a store");
    let mut registry = database.registry().expect("a registry");
    let name = gitlatch::domain::names::UserName::new("alice").expect("a name");
    let by = Author { who: Actor::Gitlatch, from: None, at: Timestamp::from_millis(0) };
    let user = NewUser {
        name: name.clone(),
        display_name: String::new(),
        email: String::new(),
        admin: false,
        password: None,
        appeared: false,
    };
    registry.add_user(user, &by).expect("added");
    let read = Permission::ALL[3];
    for number in 0..KNOWN {
        let new = NewToken {
            hash: hash(number),
            name: format!("token {number}"),
            owner: if number % 2 == 0 {
                Owner::User(name.clone())
            } else {
                Owner::of_project("team", None).expect("a name")
            },
            permissions: Permissions::combine(&[read], OwnerKind::User).expect("one"),
            limits: Limits::default(),
            expires: None,
        };
        registry.add_token(new, &by).expect("added");
    }
    // The rest in one statement: one durable commit each would take an hour.
    let bulk = rusqlite::Connection::open(path).expect("opens");
    bulk.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO token (hash, name, owner_kind, user_id, user_name, project,
                            repository_permission, only_patterns, from_networks, created_ms)
         SELECT randomblob(32), 'token ' || i,
                iif(i % 2, 'user', 'project'), iif(i % 2, 1, NULL), iif(i % 2, 'alice', NULL),
                iif(i % 2, NULL, 'team'), 'REPO_READ', '[]', '[]', 0
         FROM n",
        [(tokens - KNOWN).cast_signed()],
    )
    .map(drop)
    .expect("filled");
    database
}

fn look_ups(c: &mut Criterion, reader: &SqliteReader, name: &str, first: usize) {
    let hashes: Vec<TokenHash> = (first..first + KNOWN).map(hash).collect();
    let mut next = hashes.iter().cycle();
    c.bench_function(name, |b| {
        b.iter(|| black_box(reader.find_by_hash(next.next().expect("endless")).expect("answers")));
    });
}

fn store(c: &mut Criterion) {
    for tokens in [100, 1_000_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let database = filled(&folder.path().join("gitlatch.db"), tokens);
        let roomy = database.reader(Reading::PLAIN, 1000).expect("a reader");
        // So small that no token is still there when it is asked for again.
        let tiny = database.reader(Reading::PLAIN, 2).expect("a reader");
        let granted = Reading { rights: RightsSource::Grants, ..Reading::PLAIN };
        let grants = database.reader(granted, 2).expect("a reader");
        look_ups(c, &roomy, &format!("{tokens} tokens/hit in memory"), 0);
        look_ups(c, &tiny, &format!("{tokens} tokens/hit in the database"), 0);
        look_ups(c, &grants, &format!("{tokens} tokens/hit in the database, with grants"), 0);
        look_ups(c, &roomy, &format!("{tokens} tokens/unknown"), KNOWN);

        let last = LastUse { at: Timestamp::from_millis(1), from: None };
        c.bench_function(&format!("{tokens} tokens/touch"), |b| {
            b.iter(|| roomy.touch(TokenId(1), last));
        });
        let mut registry = database.registry().expect("a registry");
        c.bench_function(&format!("{tokens} tokens/count"), |b| {
            b.iter(|| registry.count_tokens(last.at).expect("counts"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = store
}
criterion_main!(benches);
