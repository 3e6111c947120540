//! What a host answers to a batch.

use super::json::{Json, Members};
use super::request::hash;
use super::{Fault, Object, Oid, Operation, Verb};
use serde_json::{Map, Value, json};

/// Where and how an object is read, written or verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The URL.
    pub href: String,
    /// The headers that the request is to have.
    pub header: Vec<(String, String)>,
    /// When it ends (RFC 3339).
    pub expires_at: Option<String>,
    /// After how many seconds it ends; counts more than `expires_at`.
    pub expires_in: Option<u64>,
}

/// Why there is no way to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectError {
    /// A status as of HTTP.
    pub code: u64,
    /// In words.
    pub message: String,
}

/// What is answered about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Which.
    pub oid: Oid,
    /// Its size in bytes, as the host knows it.
    pub size: Option<u64>,
    /// Whether the actions need no credential besides what their headers say.
    pub authenticated: Option<bool>,
    /// What may be done, and how.
    pub actions: Vec<(Verb, Link)>,
    /// Why nothing may be done.
    pub error: Option<ObjectError>,
}

impl Answered {
    /// An object that was asked for and of which the host says nothing.
    #[must_use]
    pub fn untold(asked: &Object) -> Self {
        let message = "the host's answer does not tell of this object".to_owned();
        Self {
            oid: asked.oid.clone(),
            size: Some(asked.size),
            authenticated: None,
            actions: Vec::new(),
            error: Some(ObjectError { code: 502, message }),
        }
    }
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The objects.
    pub objects: Vec<Answered>,
    says_hash: bool,
}

const TRANSFER: &str = "its `transfer` is not \"basic\"";

impl Answer {
    /// Reads the body of an answer to a batch with this operation. Actions that do not belong to it are
    /// dropped.
    ///
    /// # Errors
    /// When it is none, or can be read in more than one way.
    pub fn read(bytes: &[u8], operation: Operation) -> Result<Self, Fault> {
        let mut members = Json::read(bytes)?.object("it is no object")?;
        if let Some(transfer) = members.take("transfer")
            && !matches!(transfer.text(TRANSFER)?.as_str(), "basic" | "")
        {
            return Err(Fault::Odd(TRANSFER));
        }
        let says_hash = members.take("hash_algo").map(hash).transpose()?.is_some();
        let objects = match members.take("objects") {
            Some(objects) => objects.list("`objects` is a list")?,
            None => Vec::new(),
        };
        let objects = objects.into_iter().map(|value| answered(value, operation));
        Ok(Self { objects: objects.collect::<Result<_, _>>()?, says_hash })
    }

    /// What was understood, as the client reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let objects: Vec<Value> = self.objects.iter().map(Answered::to_value).collect();
        let mut answer = json!({ "transfer": "basic", "objects": objects });
        if self.says_hash {
            answer["hash_algo"] = "sha256".into();
        }
        answer.to_string()
    }
}

/// What a host says in words, in an answer that is an error.
#[must_use]
pub fn message(bytes: &[u8]) -> Option<String> {
    let mut members = Json::read(bytes).ok()?.object("").ok()?;
    members.take("message")?.text("").ok()
}

impl Answered {
    fn to_value(&self) -> Value {
        let mut object = json!({ "oid": self.oid.as_str() });
        if let Some(size) = self.size {
            object["size"] = size.into();
        }
        if let Some(authenticated) = self.authenticated {
            object["authenticated"] = authenticated.into();
        }
        if !self.actions.is_empty() {
            let actions = self.actions.iter();
            let actions = actions.map(|(verb, link)| (verb.name().to_owned(), link.to_value()));
            object["actions"] = Value::Object(actions.collect());
        }
        if let Some(ObjectError { code, message }) = &self.error {
            object["error"] = json!({ "code": code, "message": message });
        }
        object
    }
}

impl Link {
    fn to_value(&self) -> Value {
        let mut link = json!({ "href": self.href });
        if !self.header.is_empty() {
            let header = self.header.iter();
            let header: Map<_, _> =
                header.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            link["header"] = Value::Object(header);
        }
        if let Some(expires_at) = &self.expires_at {
            link["expires_at"] = expires_at.as_str().into();
        }
        if let Some(expires_in) = self.expires_in {
            link["expires_in"] = expires_in.into();
        }
        link
    }
}

fn answered(value: Json, operation: Operation) -> Result<Answered, Fault> {
    let mut members = value.object("each of the `objects` is an object")?;
    let oid = members.need("oid")?.text("an `oid` is text")?;
    let oid = Oid::new(&oid).ok_or(Fault::Odd("an `oid` is 64 lower-case hexadecimal digits"))?;
    let size = members.take("size").map(|size| size.whole("a `size` is a number of bytes"));
    let authenticated = match members.take("authenticated") {
        None => None,
        Some(Json::Truth(truth)) => Some(truth),
        Some(_) => return Err(Fault::Odd("`authenticated` is true or false")),
    };
    let mut given = match members.take("actions") {
        Some(actions) => actions.object("`actions` is an object")?,
        None => Members(Vec::new()),
    };
    let mut actions = Vec::new();
    for verb in operation.verbs() {
        if let Some(action) = given.take(verb.name()) {
            actions.push((*verb, link(action)?));
        }
    }
    let error = members.take("error").map(error).transpose()?;
    Ok(Answered { oid, size: size.transpose()?, authenticated, actions, error })
}

fn link(value: Json) -> Result<Link, Fault> {
    let mut members = value.object("an action is an object")?;
    let href = members.need("href")?.text("an `href` is text")?;
    let header = match members.take("header") {
        Some(header) => header.object("a `header` is an object")?.0,
        None => Vec::new(),
    };
    let header = header
        .into_iter()
        .map(|(name, value)| Ok((name, value.text("the value of a header is text")?)))
        .collect::<Result<_, _>>()?;
    let expires_at = members.take("expires_at").map(|at| at.text("`expires_at` is text"));
    let expires_in = match members.take("expires_in") {
        // A negative number ended long ago, and 0 is how some hosts write that it does not end.
        Some(Json::Number) => Some(1),
        Some(value) => Some(value.whole("`expires_in` is a number of seconds")?),
        None => None,
    };
    let expires_in = expires_in.filter(|seconds| *seconds > 0);
    Ok(Link { href, header, expires_at: expires_at.transpose()?, expires_in })
}

fn error(value: Json) -> Result<ObjectError, Fault> {
    let mut members = value.object("an `error` is an object")?;
    let code = members.take("code").map(|code| code.whole("the `code` of an `error` is a number"));
    let message = members.take("message").map(|message| message.text("a `message` is text"));
    let message = message.transpose()?.unwrap_or_default();
    Ok(ObjectError { code: code.transpose()?.unwrap_or(500), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str =
        "\"oid\":\"abababababababababababababababababababababababababababababababab\"";

    /// Every line: an answer to an upload, and how it goes on, or what is wrong with it.
    const ANSWERS: &[(&str, &str)] = &[
        (r#"{"objects":[]}"#, r#"{"transfer":"basic","objects":[]}"#),
        (r#"{"objects":null,"transfer":""}"#, r#"{"transfer":"basic","objects":[]}"#),
        (
            r#"{"objects":[{OID,"size":1,"authenticated":true,"x":1,"actions":{"upload":{"href":"h","header":{"A":"b"},"expires_at":"t","expires_in":5,"method":"POST"},"download":{"href":"d"},"other":{"href":"o"}}}],"hash_algo":"sha256"}"#,
            r#"{"transfer":"basic","objects":[{OID,"size":1,"authenticated":true,"actions":{"upload":{"href":"h","header":{"A":"b"},"expires_at":"t","expires_in":5}}}],"hash_algo":"sha256"}"#,
        ),
        (
            r#"{"objects":[{OID,"actions":null,"error":{"code":404,"message":"m","more":1}}]}"#,
            r#"{"transfer":"basic","objects":[{OID,"error":{"code":404,"message":"m"}}]}"#,
        ),
        (
            r#"{"objects":[{OID,"actions":{"verify":{"href":"h","expires_in":0}}}]}"#,
            r#"{"transfer":"basic","objects":[{OID,"actions":{"verify":{"href":"h"}}}]}"#,
        ),
        (r#"{"objects":[],"transfer":"tus"}"#, "its `transfer`"),
        (r#"{"objects":[],"hash_algo":"md5"}"#, "`hash_algo` is"),
        (r#"{"objects":[],"Objects":[]}"#, "a key twice"),
        (
            r#"{"objects":[{OID,"actions":{"upload":{"href":"h","header":{"a":"1","A":"2"}}}}]}"#,
            "a key twice",
        ),
        (r#"{"objects":[{OID,"actions":{"upload":{}}}]}"#, "it has no `href`"),
        (
            r#"{"objects":[{OID,"actions":{"upload":{"href":"h","header":{"a":1}}}}]}"#,
            "the value of a header",
        ),
        (r#"{"objects":[{"oid":"../x"}]}"#, "an `oid` is"),
        ("<html>", "it is no JSON"),
    ];

    #[test]
    fn answers() {
        for (text, expected) in ANSWERS {
            let said = match Answer::read(text.replace("OID", OID).as_bytes(), Operation::Upload) {
                Ok(answer) => answer.to_json(),
                Err(fault) => fault.to_string(),
            };
            let expected = expected.replace("OID", OID);
            assert!(said.contains(&expected), "{text}: {said}");
        }
        assert_eq!(message(br#"{"message":"no","x":1}"#).as_deref(), Some("no"));
        assert_eq!(message(b"<html>"), None);
    }
}
