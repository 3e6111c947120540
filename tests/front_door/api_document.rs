//! The `OpenAPI` document, as far as it takes to hold an answer to it.

use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// The document.
pub struct Document(Value);

impl Document {
    /// Reads it, once.
    pub fn read() -> &'static Self {
        static DOCUMENT: OnceLock<Document> = OnceLock::new();
        let text = include_str!("../../docs/reference/openapi.json");
        DOCUMENT.get_or_init(|| Self(serde_json::from_str(text).unwrap()))
    }

    /// Holds an answer to it; what is found of its properties, as `Schema.property`. `path` is the one
    /// behind the version. What it knows no operation for can only be an error.
    pub fn check(&self, method: &str, path: &str, status: u16, answer: &Value) -> BTreeSet<String> {
        let path = path.split('?').next().unwrap();
        let template = self.template(path);
        let method = method.replace("HEAD", "GET").to_lowercase();
        let operation = template.map(|of| &self.0["paths"][of][&method]).filter(|o| o.is_object());
        let what = format!("{method} {path} {status}");
        let mut walk = Walk { document: self, seen: BTreeSet::new() };
        let Some(operation) = operation else {
            assert!((400..500).contains(&status), "{what} is not in the document");
            walk.value(&schema("Errors"), answer, &what);
            return walk.seen;
        };
        let response = self.resolve(&operation["responses"][status.to_string()]);
        assert!(response.is_object(), "{what} is not in the document: {answer}");
        match response["content"]["application/json"].get("schema") {
            Some(schema) => walk.value(schema, answer, &what),
            None => assert!(answer.is_null(), "{what}: {answer}"),
        }
        walk.seen
    }

    /// The properties of a schema and of all that it refers to, as `Schema.property`.
    pub fn properties(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.collect(name, &mut found);
        found
    }

    /// The properties of a schema itself, in their order.
    pub fn own_properties(&self, name: &str) -> Vec<String> {
        let properties = &self.0["components"]["schemas"][name]["properties"];
        properties.as_object().unwrap().keys().cloned().collect()
    }

    fn collect(&self, name: &str, found: &mut BTreeSet<String>) {
        let schema = self.resolve(&schema(name)).clone();
        for (property, of) in schema["properties"].as_object().into_iter().flatten() {
            found.insert(format!("{name}.{property}"));
            for of in [of, &of["items"]] {
                if let Some(name) = of["$ref"].as_str() {
                    self.collect(name.rsplit('/').next().unwrap(), found);
                }
            }
        }
    }

    /// The template of a path: a literal beats a name.
    fn template(&self, path: &str) -> Option<&String> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let wanted: Vec<&str> = template.split('/').collect();
            let fits =
                |(wanted, segment): (&&str, &&str)| wanted.starts_with('{') || wanted == segment;
            wanted.len() == segments.len() && wanted.iter().zip(&segments).all(fits)
        };
        let templates = self.0["paths"].as_object().unwrap().keys();
        templates.filter(fits).min_by_key(|template| template.replace('{', "~"))
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(at) => self.0.pointer(at.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }
}

struct Walk<'a> {
    document: &'a Document,
    seen: BTreeSet<String>,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let name = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()).unwrap_or("-");
        let schema = self.document.resolve(schema).clone();
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        assert!(types.contains(&type_of(value)), "{at}: {value} is none of {types:?}");
        if let Some(allowed) = schema["enum"].as_array() {
            assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
        }
        if let (Some(text), Some(pattern)) = (value.as_str(), schema["pattern"].as_str()) {
            assert!(matches(pattern, text), "{at}: {text} is no {pattern}");
        }
        for (bound, fits) in [("minimum", i64::ge as fn(&i64, &i64) -> bool), ("maximum", i64::le)]
        {
            if let (Some(number), Some(bound)) = (value.as_i64(), schema[bound].as_i64()) {
                assert!(fits(&number, &bound), "{at}: {number} and {bound}");
            }
        }
        for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
            self.value(&schema["items"], item, &format!("{at}[{nth}]"));
        }
        let Some(members) = value.as_object() else { return };
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(required.as_str().unwrap()), "{at} lacks {required}");
        }
        for (key, member) in members {
            let of = &schema["properties"][key];
            assert!(of.is_object(), "{at}: {key} is not in the document");
            self.seen.insert(format!("{name}.{key}"));
            self.value(of, member, &format!("{at}.{key}"));
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The few patterns that answers have.
fn matches(pattern: &str, text: &str) -> bool {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match pattern {
        "^[0-9]+$" => !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()),
        "^[0-9a-f]{16}$" => text.len() == 16 && text.chars().all(hex),
        "^lat[upr]_[0-9A-Za-z]{36}$" => {
            let (head, tail) = text.split_at(5);
            let alphanumeric = tail.chars().all(|c| c.is_ascii_alphanumeric());
            ["latu_", "latp_", "latr_"].contains(&head) && tail.len() == 36 && alphanumeric
        }
        other => panic!("nobody has taught this test the pattern {other}"),
    }
}

fn schema(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}
