//! `gitlatch token list` and what narrows it.

use crate::house::{ALICE, FOLDER, House};
use std::time::Duration;

/// Every line: options, and the numbers of the tokens that are listed.
const LISTED: &[(&str, &str)] = &[
    ("", "1 2 3 4 5"),
    ("--expiring 1d", "5"),
    ("--expiring 7d", "2 5"),
    ("--expiring 90d", "2 4 5"),
    ("--expired", "3"),
    ("--expired --all", "3"),
    ("--unused 1d", "1"),
    ("--unused 10d", ""),
    ("--unused 1s", "1 2"),
    ("--permission REPO_READ", "1 2 3 4 5"),
    ("--permission REPO_WRITE", "1 3 5"),
    ("--permission PROJECT_READ", "1 5"),
    ("--search NIGHT", "2"),
    ("--search team/app", "2 3"),
    ("--search alice", "4"),
    ("--search nobody", ""),
    ("--project team", "1 5"),
    ("--project team --expiring 1d", "5"),
    ("--project team --repo app --expired", "3"),
    ("--user alice --expiring 90d --permission REPO_READ --search lap", "4"),
    ("--user alice --unused 1d", ""),
];

#[test]
fn listings_are_narrowed() {
    let house = House::new(FOLDER);
    let create = "token create --project team";
    house.prepare(&[
        ALICE,
        ("grant add alice REPO_READ", ""),
        (&format!("{create} --name one"), ""),
        (&format!("{create} --repo app --name Nightly --permission REPO_READ --expires-in 5d"), ""),
        (&format!("{create} --repo app --name gone --permission REPO_WRITE --expires-in 1s"), ""),
        (
            "token create --user alice --password-stdin --name laptop --expires-in 60d",
            "correct horse\n",
        ),
    ]);
    // The first was made two days ago and never used, the fourth was used now.
    let old = "UPDATE token SET created_ms = created_ms - 172800000 WHERE id = 1";
    let used = "INSERT INTO token_use (token_id, at_ms) SELECT id, created_ms + 3600000 FROM token
                WHERE id IN (3, 4)";
    house.database().execute_batch(&format!("{old}; {used}")).expect("both");
    std::thread::sleep(Duration::from_millis(1100));
    // The fifth takes the place of a sixth, which is revoked at once, and the first one's is still on.
    house.prepare(&[(&format!("{create} --name five"), ""), ("token rotate 5 --overlap 2h", "")]);
    house.prepare(&[("token revoke 6", "")]);
    for (options, expected) in LISTED {
        let ids = house.ids(&format!("token list --json {options}"));
        assert_eq!(ids.join(" "), *expected, "{options}");
    }
    assert_eq!(house.ids("token list --json --all").len(), 6);
}

const WRONG: &str = r"
token list --expiring 7 -> 2 err a duration is a whole number and a unit
token list --expiring 7d --expired -> 2 err cannot be used with
token list --unused -> 2 err a value is required
token list --permission READ -> 2 err `READ` is no permission
token list --search -> 2 err a value is required
token list --project * -> 2 err there is no token for all
";

#[test]
fn options_of_listings_that_are_none() {
    House::new(FOLDER).check(WRONG);
}

#[test]
fn a_listing_as_people_see_it() {
    let house = House::new(FOLDER);
    house.prepare(&[
        ("token create --project team --name one", ""),
        ("token create --project team --repo app --name two --permission REPO_READ", ""),
        ("token create --project team --name three --expires-in 1s", ""),
        ("token rotate 1 --overlap 2h", ""),
        ("token suspend 2", ""),
    ]);
    std::thread::sleep(Duration::from_millis(1100));
    let dated = house.run("token list", "").out;
    // Every digit of a date as one: dates differ from day to day.
    let dateless: String = dated
        .split_inclusive(' ')
        .map(|word| {
            if word.starts_with("20") || word.contains(':') { mask(word) } else { word.to_owned() }
        })
        .collect();
    insta::assert_snapshot!(dateless, @r"
    ID  NAME   OWNER                PERMISSIONS                LIMITS  CREATED     EXPIRES     STATE                                     LAST USED
    1   one    project team         PROJECT_ADMIN, REPO_ADMIN  none    0000-00-00  never       replaced by 4 until 0000-00-00 00:00 UTC  never
    2   two    repository team/app  REPO_READ                  none    0000-00-00  never       suspended 0000-00-00 00:00 UTC            never
    3   three  project team         PROJECT_ADMIN, REPO_ADMIN  none    0000-00-00  0000-00-00  expired                                   never
    4   one    project team         PROJECT_ADMIN, REPO_ADMIN  none    0000-00-00  never       live                                      never
    ");
}

fn mask(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}
