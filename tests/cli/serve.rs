//! `gitlatch serve`, as far as it does not come to serving: the rest is behind the front door.

use crate::house::{FOLDER, House};

#[test]
fn mistakes_are_told_one_a_line() {
    let house = House::new(FOLDER);
    house.configure(&FOLDER.replace("kind =", "knid =").replace("users =", "usres ="));
    let ended = house.run("serve", "");
    assert_eq!((ended.status, ended.out.as_str()), (1, ""));
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines[0].starts_with("proxy.toml:"), "{ended:?}");
    for (number, line) in lines.iter().enumerate() {
        let last = number + 1 == lines.len();
        let right = if last { "gitlatch: proxy.toml has mistakes" } else { "proxy.toml:" };
        assert!(line.starts_with(right), "{line}");
    }
    assert!(ended.err.contains("`knid`") && ended.err.contains("`usres`"), "{ended:?}");
    let checked = house.run("check", "").out;
    assert_eq!(checked.lines().collect::<Vec<_>>(), lines[..lines.len() - 1]);
}
