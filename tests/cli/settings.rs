//! `gitlatch settings`.

use crate::house::{FOLDER, House};
use serde_json::{Value, json};

const SETTINGS: &str = r"
settings set -> 2 err --expiry-required
settings set --max-days 0 -> 2 err a number of days, 1 or more, or `none`
settings set --max-days x -> 2 err a number of days, 1 or more, or `none`
settings set --expiry-required maybe -> 2 err possible values: true, false
settings set --expiry-required true --max-days 30 -> 0 out longest lifetime      30 days
token create --project t --name a -> 1 err must expire here, within 30 days; say when
token create --project t --name a --expires-in 31d -> 1 err at most 30 days here
token create --project t --name a --expires-in 30d -> 0 out latp_
settings set --max-days none -> 0 out expiry of new tokens  required
settings show -> 0 out longest lifetime      none
";

#[test]
fn settings() {
    let house = House::new(FOLDER);
    let shown =
        |days: Value, required: bool| json!({"expiryRequired": required, "maxExpiryDays": days});
    let first = house.run("settings show --json", "");
    assert_eq!(first.out.trim(), shown(Value::Null, false).to_string());
    house.check(SETTINGS);
    assert_eq!(house.json("settings show --json"), shown(Value::Null, true));
}
