//! `[[rule]]`.

use super::{House, LEAST};
use crate::domain::dialect::rule::{Rule, RuleVerdict};

#[test]
fn rules_of_the_operator() {
    let house = House::new();
    let either = "a [[rule]] has one of the two: `allow` with the permission that is needed, or `deny` with \
                  the reason that the caller is told";
    let no_path = "a [[rule]] has a `path`, such as \"/rest/keys/**\"";
    let cases: [(&str, &[&str]); 14] = [
        ("path = '/x/**'\ndeny = 'no'\n", &[]),
        (
            "methods = ['GET']\npath = '/rest/x/{project}/**'\nallow = 'REPO_READ'\nconfined = 'pass'\n",
            &[],
        ),
        (
            "path = '/**'\nallow = 'REPO_READ'\n",
            &[
                "5:1: warning: `path`: this tightens what the table knows and opens nothing: only what lies below \
               a part of the REST API is opened, as by \"/rest/my-plugin/**\"",
            ],
        ),
        (
            "path = '/rest/x/**'\nallow = 'REPO_READ'\nconfined = 'pass'\n",
            &[
                "7:1: warning: `confined`: without {project} in `path`, \"pass\" opens this to the tokens of every \
               project",
            ],
        ),
        (
            "path = '/rest/x/1.0/merge'\nallow = 'REPO_READ'\n",
            &[
                "5:1: warning: `path`: nothing is opened that has \"merge\" in it, which sounds like what no token \
               may do",
            ],
        ),
        ("deny = 'no'\n", &[&format!("4:1: {no_path}")]),
        ("path = '/x'\n", &[&format!("4:1: {either}")]),
        ("path = '/x'\nallow = 'REPO_READ'\ndeny = 'no'\n", &[&format!("6:1: {either}")]),
        (
            "path = 'x'\ndeny = 'no'\n",
            &[
                "5:8: `path`: `x` is no pattern of paths: it begins with a slash, behind the path of public_url",
            ],
        ),
        (
            "methods = ['get']\npath = '/x'\ndeny = 'no'\n",
            &["5:12: `methods` is a list of GET, POST, PUT, DELETE, PATCH; `get` is none"],
        ),
        (
            "methods = []\npath = '/x'\ndeny = 'no'\n",
            &["5:1: `methods` is empty: leave it out for every method"],
        ),
        (
            "path = '/x'\nallow = 'READ'\n",
            &[
                "6:9: `allow`: `READ` is no permission; there are PROJECT_READ, PROJECT_WRITE, PROJECT_ADMIN, \
               REPO_READ, REPO_WRITE and REPO_ADMIN",
            ],
        ),
        (
            "path = '/x'\ndeny = 'no'\nconfined = 'pass'\n",
            &["7:1: `confined` belongs to `allow`: what is denied is denied to all"],
        ),
        ("path = '/x'\ndeny = ''\n", &["6:1: `deny` gives the reason that the caller is told"]),
    ];
    for (lines, expected) in &cases {
        house.check(&[(&format!("{LEAST}[[rule]]\n{lines}"), expected)]);
    }
    let two = "[[rule]]\npath = '/x'\ndeny = 'no'\n[[rule]]\npath = '/y'\nallow = 'REPO_READ'\n";
    let rules = house.config(&format!("{LEAST}{two}")).rules;
    let names: Vec<String> = rules.iter().map(Rule::name).collect();
    assert_eq!(names, ["[[rule]] 1", "[[rule]] 2"]);
    assert!(matches!(rules[1].verdict, RuleVerdict::Allow { confined: false, .. }));
}
