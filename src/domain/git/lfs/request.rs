//! What a client asks for.

use super::json::Json;
use super::{Fault, Oid, Operation};
use crate::domain::git::ref_name::RefName;
use serde_json::json;
use std::collections::HashSet;

/// One object that a batch names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Which.
    pub oid: Oid,
    /// Its size in bytes.
    pub size: u64,
}

/// The ref that a batch names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchRef {
    /// A full name.
    Name(RefName),
    /// What a client sends that has no branch at hand: `HEAD`, or the id of a commit.
    Other(String),
}

impl BatchRef {
    fn as_str(&self) -> &str {
        match self {
            Self::Name(name) => name.as_str(),
            Self::Other(text) => text,
        }
    }
}

/// A batch, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What it asks for.
    pub operation: Operation,
    /// The ref that the objects belong to, if it names one.
    pub belongs: Option<BatchRef>,
    /// The objects.
    pub objects: Vec<Object>,
    /// It says that ids are SHA-256.
    says_hash: bool,
}

const OPERATION: &str = "`operation` is \"download\" or \"upload\"";

impl Batch {
    /// The most objects in one batch; git-lfs asks for 100.
    pub const MOST: usize = 1000;

    /// Reads the body of a batch.
    ///
    /// # Errors
    /// When it can be read in more than one way, or in none.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut members = Json::read(bytes)?.object("it is no object")?;
        let operation = match members.need("operation")?.text(OPERATION)?.as_str() {
            "download" => Operation::Download,
            "upload" => Operation::Upload,
            _ => return Err(Fault::Odd(OPERATION)),
        };
        let says_hash = members.take("hash_algo").map(hash).transpose()?.is_some();
        if let Some(transfers) = members.take("transfers") {
            check_transfers(transfers)?;
        }
        let belongs = members.take("ref").map(|named| belongs(named, operation)).transpose()?;
        let objects = members.need("objects")?.list("`objects` is a list")?;
        if objects.len() > Self::MOST {
            return Err(Fault::Many);
        }
        let objects: Vec<Object> = objects.into_iter().map(object).collect::<Result<_, _>>()?;
        let different: HashSet<&str> = objects.iter().map(|object| object.oid.as_str()).collect();
        if different.len() < objects.len() {
            return Err(Fault::Odd("an object stands in `objects` twice"));
        }
        Ok(Self { operation, belongs: belongs.flatten(), objects, says_hash })
    }

    /// What was understood, as the host reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let objects = self.objects.iter();
        let objects: Vec<_> =
            objects.map(|o| json!({ "oid": o.oid.as_str(), "size": o.size })).collect();
        let mut batch = json!({ "operation": self.operation.name(), "transfers": ["basic"] });
        if let Some(named) = &self.belongs {
            batch["ref"] = json!({ "name": named.as_str() });
        }
        batch["objects"] = objects.into();
        if self.says_hash {
            batch["hash_algo"] = "sha256".into();
        }
        batch.to_string()
    }
}

/// Ids are SHA-256, and nothing else.
pub(super) fn hash(value: Json) -> Result<(), Fault> {
    const HASH: &str = "`hash_algo` is \"sha256\"";
    if value.text(HASH)? == "sha256" { Ok(()) } else { Err(Fault::Odd(HASH)) }
}

/// Whoever cannot do a basic transfer cannot do any here.
fn check_transfers(value: Json) -> Result<(), Fault> {
    const TRANSFERS: &str = "`transfers` is a list of names, one of which is \"basic\"";
    let mut basic = false;
    for name in value.list(TRANSFERS)? {
        basic |= name.text(TRANSFERS)? == "basic";
    }
    if basic { Ok(()) } else { Err(Fault::Odd(TRANSFERS)) }
}

fn belongs(value: Json, operation: Operation) -> Result<Option<BatchRef>, Fault> {
    const NAME: &str = "the `name` of `ref` is the full name of a ref, such as refs/heads/main";
    let mut members = value.object("`ref` is an object with a `name`")?;
    let Some(name) = members.take("name") else { return Ok(None) };
    let name = name.text(NAME)?;
    if let Ok(name) = RefName::new(name.as_bytes()) {
        return Ok(Some(BatchRef::Name(name)));
    }
    let id = matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit());
    // No rule is about what objects are read for.
    let plain = name.len() <= RefName::MOST && !name.contains(char::is_control);
    match operation {
        _ if name == "HEAD" || id => Ok(Some(BatchRef::Other(name))),
        Operation::Download if plain && !name.is_empty() => Ok(Some(BatchRef::Other(name))),
        _ => Err(Fault::Odd(NAME)),
    }
}

fn object(value: Json) -> Result<Object, Fault> {
    const OID: &str = "the `oid` of an object is 64 lower-case hexadecimal digits";
    let mut members = value.object("each of the `objects` is an object")?;
    let oid = Oid::new(&members.need("oid")?.text(OID)?).ok_or(Fault::Odd(OID))?;
    let size = members.need("size")?.whole("the `size` of an object is a number of bytes")?;
    Ok(Object { oid, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OID: &str =
        "\"oid\":\"abababababababababababababababababababababababababababababababab\"";

    /// Every line: a batch in which `OBJ` stands for an object, and what goes on or what is wrong.
    const BATCHES: &[(&str, &str)] = &[
        (
            r#"{"operation":"download","objects":[OBJ]}"#,
            r#"{"operation":"download","transfers":["basic"],"objects":[OBJ]}"#,
        ),
        (
            r#" {"objects":[],"operation":"upload"} "#,
            r#"{"operation":"upload","transfers":["basic"],"objects":[]}"#,
        ),
        (
            r#"{"operation":"upload","transfers":["ssh","basic"],"ref":{"name":"refs/heads/main","x":1},"objects":[OBJ],"hash_algo":"sha256","more":{"a":[1.5,true,null]}}"#,
            r#"{"operation":"upload","transfers":["basic"],"ref":{"name":"refs/heads/main"},"objects":[OBJ],"hash_algo":"sha256"}"#,
        ),
        (
            r#"{"operation":"upload","ref":null,"transfers":null,"objects":[]}"#,
            r#"{"operation":"upload","transfers":["basic"],"objects":[]}"#,
        ),
        (
            r#"{"operation":"upload","ref":{},"objects":[]}"#,
            r#"{"operation":"upload","transfers":["basic"],"objects":[]}"#,
        ),
        (
            r#"{"operation":"upload","ref":{"name":"HEAD"},"objects":[]}"#,
            r#"{"operation":"upload","transfers":["basic"],"ref":{"name":"HEAD"},"objects":[]}"#,
        ),
        (
            r#"{"operation":"download","ref":{"name":"main"},"objects":[]}"#,
            r#"{"operation":"download","transfers":["basic"],"ref":{"name":"main"},"objects":[]}"#,
        ),
        ("", "it is no JSON"),
        ("{", "it is no JSON"),
        ("\u{feff}{}", "it is no JSON"),
        (r#"{"operation":"download","objects":[]}{}"#, "it is no JSON"),
        (r#"{"operation":"download","objects":[],}"#, "it is no JSON"),
        ("[]", "it is no object"),
        ("{}", "it has no `operation`"),
        (r#"{"Operation":"download","objects":[]}"#, "it has no `operation`"),
        (r#"{"operation":null,"objects":[]}"#, "it has no `operation`"),
        (r#"{"operation":"Download","objects":[]}"#, "`operation` is"),
        (r#"{"operation":"delete","objects":[]}"#, "`operation` is"),
        (r#"{"operation":["upload"],"objects":[]}"#, "`operation` is"),
        (r#"{"operation":"download"}"#, "it has no `objects`"),
        (r#"{"operation":"download","objects":{}}"#, "`objects` is a list"),
        (r#"{"operation":"download","objects":["x"]}"#, "each of the `objects`"),
        (r#"{"operation":"download","operation":"upload","objects":[]}"#, "a key twice"),
        (r#"{"operation":"download","OPERATION":"upload","objects":[]}"#, "a key twice"),
        (r#"{"operation":"download","o\u0070eration":"upload","objects":[]}"#, "a key twice"),
        (r#"{"operation":"download","objects":[],"objectſ":[OBJ]}"#, "a key twice"),
        (r#"{"operation":"download","objects":[],"x":[{"k":1,"K":2}]}"#, "a key twice"),
        (r#"{"operation":"download","objects":[{"oid":"x","size":1}]}"#, "the `oid`"),
        (r#"{"operation":"download","objects":[{"size":1}]}"#, "it has no `oid`"),
        (r#"{"operation":"download","objects":[{OID}]}"#, "it has no `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":-1}]}"#, "the `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":1.0}]}"#, "the `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":1e3}]}"#, "the `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":"1"}]}"#, "the `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":9223372036854775808}]}"#, "the `size`"),
        (r#"{"operation":"download","objects":[{OID,"size":1,"size":2}]}"#, "a key twice"),
        (r#"{"operation":"download","transfers":[],"objects":[]}"#, "`transfers` is"),
        (r#"{"operation":"download","transfers":["ssh"],"objects":[]}"#, "`transfers` is"),
        (r#"{"operation":"download","transfers":"basic","objects":[]}"#, "`transfers` is"),
        (r#"{"operation":"download","hash_algo":"sha1","objects":[]}"#, "`hash_algo` is"),
        (r#"{"operation":"upload","ref":"refs/heads/main","objects":[]}"#, "`ref` is"),
        (r#"{"operation":"upload","ref":{"name":1},"objects":[]}"#, "the `name`"),
        (r#"{"operation":"upload","ref":{"name":"main"},"objects":[]}"#, "the `name`"),
        (r#"{"operation":"upload","ref":{"name":"refs/heads/a..b"},"objects":[]}"#, "the `name`"),
        (r#"{"operation":"download","ref":{"name":"a\nb"},"objects":[]}"#, "the `name`"),
    ];

    #[test]
    fn batches() {
        let object = format!("{{{OID},\"size\":7}}");
        for (text, expected) in BATCHES {
            let text = text.replace("OBJ", &object).replace("OID", OID);
            let said = match Batch::read(text.as_bytes()) {
                Ok(batch) => batch.to_json(),
                Err(fault) => fault.to_string(),
            };
            let expected = expected.replace("OBJ", &object);
            assert!(said.starts_with(&expected) || said.contains(&expected), "{text}: {said}");
        }
    }

    proptest! {
        /// What goes on is read as what was understood.
        #[test]
        fn what_goes_on_says_what_was_understood(
            upload: bool,
            objects in proptest::collection::vec(("[0-9a-f]{64}", 0..i64::MAX as u64), 0..5),
            name in proptest::option::of("refs/heads/[a-z\"\\\\]{1,9}"),
            says_hash: bool,
        ) {
            let operation = if upload { Operation::Upload } else { Operation::Download };
            let objects = objects.into_iter().map(|(oid, size)| Object { oid: Oid::new(&oid).unwrap(), size });
            let belongs = name.and_then(|name| RefName::new(name.as_bytes()).ok()).map(BatchRef::Name);
            let batch = Batch { operation, belongs, objects: objects.collect(), says_hash };
            prop_assert_eq!(Batch::read(batch.to_json().as_bytes()), Ok(batch));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text in "[{}\\[\\]:,\"a-z0-9]{0,40}") {
            let _ = Batch::read(&bytes);
            let _ = Batch::read(text.as_bytes());
        }
    }

    #[test]
    fn so_many_objects_and_so_deep() {
        let object = |number: usize| format!("{{\"oid\":\"{number:064x}\",\"size\":7}},");
        for (count, good) in [(Batch::MOST, true), (Batch::MOST + 1, false)] {
            let objects: String = (0..count).map(object).collect();
            let text = format!(
                "{{\"operation\":\"download\",\"objects\":[{}]}}",
                objects.trim_end_matches(',')
            );
            assert_eq!(Batch::read(text.as_bytes()).is_ok(), good);
        }
        let twice = object(1).repeat(2);
        let twice =
            format!("{{\"operation\":\"download\",\"objects\":[{}]}}", twice.trim_end_matches(','));
        assert!(matches!(Batch::read(twice.as_bytes()), Err(Fault::Odd(_))));
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Batch::read(deep.as_bytes()), Err(Fault::NoJson));
    }
}
