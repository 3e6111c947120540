//! The `OpenAPI` document against the table of routes, and against itself. That live answers are what it
//! says is held by `tests/front_door/api.rs`, with every call.

#![expect(clippy::expect_used, reason = "a test that cannot go on has nothing to say")]

use gitlatch::manage::api::{MOST_BODY, ROOT, ROUTES, VERSIONS};
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(include_str!("../docs/reference/openapi.json")).expect("JSON")
}

/// Calls a function with every value in it, and the JSON pointer to it.
fn each(value: &Value, at: &str, see: &mut impl FnMut(&str, &Value)) {
    see(at, value);
    match value {
        Value::Array(list) => {
            for (nth, item) in list.iter().enumerate() {
                each(item, &format!("{at}/{nth}"), see);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                each(member, &format!("{at}/{name}"), see);
            }
        }
        _ => {}
    }
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Every operation, with its method and its path.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path") {
            if METHODS.contains(&method.as_str()) {
                found.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[test]
fn it_has_the_routes_that_there_are() {
    let document = document();
    let written: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let served: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(written, served);
    assert_eq!(document["servers"][0]["url"], format!("{ROOT}/{}", VERSIONS[1]));
    let large = document["components"]["responses"]["TooLarge"]["description"].as_str();
    assert!(large.expect("a text").contains(&format!("{} KiB", MOST_BODY / 1024)));
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    let document = document();
    let mut referred = BTreeSet::new();
    each(&document, "", &mut |at, value| {
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            let to = to.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(to).is_some(), "{at}: {to}");
            assert_eq!(value.as_object().map(serde_json::Map::len), Some(1), "{at}");
            referred.insert(to.to_owned());
        }
    });
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().expect(kind).keys() {
            let pointer = format!("/components/{kind}/{name}");
            assert!(referred.contains(&pointer), "{pointer} is referred to from nowhere");
        }
    }
}

#[test]
fn every_operation_is_whole() {
    let document = document();
    let (mut ids, mut schemes) = (BTreeSet::new(), BTreeSet::new());
    for (method, path, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{what} has no id"));
        assert!(ids.insert(id.to_owned()), "{what}: {id}");
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{what} {text}");
        }
        let own = operation["parameters"].as_array().cloned().unwrap_or_default();
        let of_path =
            document["paths"][&path]["parameters"].as_array().cloned().unwrap_or_default();
        let given: BTreeSet<String> = own
            .iter()
            .chain(&of_path)
            .filter_map(|of| document.pointer(of["$ref"].as_str()?.strip_prefix('#')?))
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
            .collect();
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(given, named.map(str::to_owned).collect(), "{what}");
        let responses = operation["responses"].as_object().expect("responses");
        let wanted = ["400", "401", "403", "404", "405", "429", "500", "503"];
        let of_body = ["413", "415"].into_iter().filter(|_| operation["requestBody"].is_object());
        let success = if method == "DELETE" { "204" } else { "200" };
        let wanted: BTreeSet<&str> = wanted.into_iter().chain(of_body).chain([success]).collect();
        assert_eq!(responses.keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted, "{what}");
        for scheme in operation["security"].as_array().expect("security") {
            schemes.extend(scheme.as_object().expect("a scheme").keys().cloned());
        }
    }
    let known = document["components"]["securitySchemes"].as_object().expect("schemes");
    assert_eq!(known.keys().cloned().collect::<BTreeSet<_>>(), schemes);
}

#[test]
fn every_property_is_described_and_every_object_is_closed() {
    let document = document();
    each(&document["components"]["schemas"], "", &mut |at, value| {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            assert_eq!(value["additionalProperties"], false, "{at}");
            for required in value["required"].as_array().expect("required") {
                assert!(properties.contains_key(required.as_str().expect("a name")), "{at}");
            }
            for (name, property) in properties {
                let described =
                    ["description", "$ref"].iter().any(|key| property[*key].is_string());
                assert!(described, "{at}/{name}");
            }
        }
    });
}
