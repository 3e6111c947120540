//! `gitlatch group`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::json;

const GROUPS: &str = r"
group list -> 0 out NAME  MEMBERS  ADDED
group add devs -> 0 out group devs is added
group add DEVS -> 1 err gitlatch: there is a group `DEVS` already
group add a:b -> 2 err a group's name is 1 to 64 of
group add -> 2 err <NAME>
group join devs -> 2 err <USER>
group join ops alice -> 1 err gitlatch: there is no group `ops`
group join devs alice nobody -> 1 err gitlatch: there is no user `nobody`
group list -> 0 out devs  none
group join devs alice bob -> 0 out bob is in the group devs
group join devs ALICE -> 1 err gitlatch: ALICE is in the group devs already
group list -> 0 out devs  alice bob
group leave devs bob carol -> 1 err gitlatch: carol is not in the group devs
group leave devs bob bob -> 0 out bob is no longer in the group devs
group leave devs bob -> 1 err gitlatch: bob is not in the group devs
group remove ops -> 1 err gitlatch: there is no group `ops`
";

#[test]
fn groups() {
    let house = House::new(FOLDER);
    let bob = ("user add bob --password-stdin", "x\n");
    let carol = ("user add carol --password-stdin", "x\n");
    house.prepare(&[ALICE, bob, carol]);
    house.check(GROUPS);
    let listed = house.json("group list --json");
    let created = &listed[0]["createdDate"];
    assert!(created.is_i64());
    assert_eq!(listed, json!([{"name": "devs", "members": ["alice"], "createdDate": created}]));
    house.check(
        r"
grant add --group devs REPO_READ -> 0 out group devs now has
group remove devs -> 0 out group devs is removed, with its rights
grant list --json -> 0 out []
user show alice -> 0 out alice
",
    );
}
