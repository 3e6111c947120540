//! A small server of Git LFS: batches, objects, verification and locks, as the API describes them. Like
//! Gitea it puts the `Authorization` that it got into the links that it gives.

use super::upstream::{Seen, Upstream, read_head};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

/// Changes the answer to a batch before it is sent.
type Twist = Box<dyn Fn(&mut Value) + Send + Sync>;

/// What the server keeps.
#[derive(Default)]
struct Shelf {
    objects: BTreeMap<String, Arc<Vec<u8>>>,
    /// With the repository that each is of; ids are one series for all, as on hosts.
    locks: Vec<(String, Value)>,
    locked: u64,
}

/// A server of Git LFS on a port of its own.
pub struct LfsServer {
    upstream: Upstream,
    shelf: Arc<Mutex<Shelf>>,
}

/// The id of an object.
pub fn oid(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

impl LfsServer {
    /// One that serves everybody.
    pub fn new() -> Self {
        Self::twisted(None, |_| {})
    }

    /// One that wants this `Authorization`, and whose answers to batches are changed before they are sent.
    pub fn twisted(
        wanted: Option<&str>,
        twist: impl Fn(&mut Value) + Send + Sync + 'static,
    ) -> Self {
        let shelf = Arc::<Mutex<Shelf>>::default();
        let (shelf_too, wanted) = (Arc::clone(&shelf), wanted.map(str::to_owned));
        let twist: Twist = Box::new(twist);
        let upstream = Upstream::raw(move |stream, record, connection| {
            while let Some(seen) = read_streamed(stream) {
                let seen = Seen { connection, ..seen };
                let shown =
                    Seen { body: seen.body[..seen.body.len().min(4096)].to_vec(), ..seen.clone() };
                record(shown);
                if !answer(stream, &seen, &shelf_too, wanted.as_deref(), &twist) {
                    return;
                }
            }
        });
        Self { upstream, shelf }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.upstream.url()
    }

    /// The requests that came, with the beginnings of their bodies.
    pub fn seen(&self) -> Vec<Seen> {
        self.upstream.seen()
    }

    /// Puts an object there; its id.
    pub fn put(&self, content: &[u8]) -> String {
        let oid = oid(content);
        self.shelf.lock().unwrap().objects.insert(oid.clone(), Arc::new(content.to_vec()));
        oid
    }

    /// An object, if it is there.
    pub fn object(&self, oid: &str) -> Option<Arc<Vec<u8>>> {
        self.shelf.lock().unwrap().objects.get(oid).cloned()
    }

    /// How many locks there are.
    pub fn locks(&self) -> usize {
        self.shelf.lock().unwrap().locks.len()
    }
}

/// Reads one request; long bodies in large pieces.
fn read_streamed(stream: &mut TcpStream) -> Option<Seen> {
    let head = read_head(stream)?;
    let mut seen = Seen { head, body: Vec::new(), connection: 0 };
    if let Some(length) = seen.header("content-length").first().and_then(|l| l.parse().ok()) {
        seen.body = vec![0; length];
        stream.read_exact(&mut seen.body).ok()?;
    } else if !seen.header("transfer-encoding").is_empty() {
        loop {
            let mut size = Vec::new();
            let mut byte = [0];
            while !size.ends_with(b"\r\n") {
                stream.read_exact(&mut byte).ok()?;
                size.push(byte[0]);
            }
            let size = usize::from_str_radix(std::str::from_utf8(&size).ok()?.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            seen.body.extend_from_slice(&chunk[..size]);
        }
    }
    Some(seen)
}

const JSON: &str = "application/vnd.git-lfs+json";

fn answer(
    stream: &mut TcpStream,
    seen: &Seen,
    shelf: &Mutex<Shelf>,
    wanted: Option<&str>,
    twist: &Twist,
) -> bool {
    let given = seen.header("authorization").join(",");
    if wanted.is_some_and(|wanted| wanted != given) {
        return send(stream, "401 Unauthorized", "text/plain", "", b"who are you");
    }
    let (method, target) = seen.line().split_once(' ').unwrap();
    let target = target.split(' ').next().unwrap();
    let path = target.split('?').next().unwrap();
    let Some((repository, rest)) = path.split_once("/info/lfs/") else {
        return send(stream, "404 Not Found", "text/plain", "", b"no such page");
    };
    let parts: Vec<&str> = rest.split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["objects", "batch"]) => batch(stream, seen, shelf, repository, twist),
        ("PUT", ["objects", name, ..]) => {
            if oid(&seen.body) != *name {
                return send(
                    stream,
                    "422 Unprocessable Entity",
                    JSON,
                    "",
                    br#"{"message":"another object"}"#,
                );
            }
            shelf.lock().unwrap().objects.insert((*name).to_owned(), Arc::new(seen.body.clone()));
            send(stream, "200 OK", "text/plain", "", b"")
        }
        ("GET" | "HEAD", ["objects", name]) => download(stream, seen, shelf, name, &given),
        ("POST", ["verify"]) => {
            let asked: Value = serde_json::from_slice(&seen.body).unwrap();
            let shelf = shelf.lock().unwrap();
            let object = shelf.objects.get(asked["oid"].as_str().unwrap());
            let good = object.is_some_and(|o| Some(o.len() as u64) == asked["size"].as_u64());
            let status = if good { "200 OK" } else { "404 Not Found" };
            send(stream, status, JSON, "", b"{}")
        }
        (_, ["locks", rest @ ..]) => locks(stream, seen, shelf, repository, (method, rest)),
        _ => send(stream, "404 Not Found", JSON, "", br#"{"message":"no such thing"}"#),
    }
}

fn batch(
    stream: &mut TcpStream,
    seen: &Seen,
    shelf: &Mutex<Shelf>,
    repository: &str,
    twist: &Twist,
) -> bool {
    let asked: Value = serde_json::from_slice(&seen.body).unwrap();
    let base = format!("http://{}{repository}/info/lfs", seen.header("host")[0]);
    let header = json!({ "Authorization": seen.header("authorization").join(","), "Accept": JSON });
    let link = |path: &str| json!({ "href": format!("{base}/{path}"), "header": header, "expires_in": 86_400 });
    let upload = asked["operation"] == "upload";
    let mut objects = Vec::new();
    for object in asked["objects"].as_array().unwrap() {
        let name = object["oid"].as_str().unwrap();
        let size = object["size"].as_u64().unwrap();
        let mut answered = json!({ "oid": name, "size": size });
        match (upload, shelf.lock().unwrap().objects.contains_key(name)) {
            (true, true) => {}
            (true, false) => {
                let put = link(&format!("objects/{name}/{size}"));
                answered["actions"] = json!({ "upload": put, "verify": link("verify") });
            }
            (false, true) => {
                answered["actions"] = json!({ "download": link(&format!("objects/{name}")) });
            }
            (false, false) => answered["error"] = json!({ "code": 404, "message": "not here" }),
        }
        objects.push(answered);
    }
    let mut answered = json!({ "transfer": "basic", "objects": objects });
    twist(&mut answered);
    send(stream, "200 OK", JSON, "", answered.to_string().as_bytes())
}

fn download(
    stream: &mut TcpStream,
    seen: &Seen,
    shelf: &Mutex<Shelf>,
    name: &str,
    given: &str,
) -> bool {
    let Some(object) = shelf.lock().unwrap().objects.get(name).cloned() else {
        return send(stream, "404 Not Found", JSON, "", br#"{"message":"not here"}"#);
    };
    if seen.header("accept").iter().any(|accept| accept.contains(JSON)) {
        let metadata = json!({ "oid": name, "header": { "Authorization": given } });
        return send(stream, "200 OK", JSON, "", metadata.to_string().as_bytes());
    }
    let range = seen.header("range").first().and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        let from: usize = from.parse().ok()?;
        let to = if to.is_empty() { object.len() - 1 } else { to.parse().ok()? };
        Some((from, to))
    });
    if seen.line().starts_with("HEAD") {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", object.len());
        return stream.write_all(head.as_bytes()).is_ok();
    }
    match range {
        Some((from, to)) => {
            let more = format!("Content-Range: bytes {from}-{to}/{}\r\n", object.len());
            let kind = "application/octet-stream";
            send(stream, "206 Partial Content", kind, &more, &object[from..=to])
        }
        None => send(stream, "200 OK", "application/octet-stream", "", &object),
    }
}

fn locks(
    stream: &mut TcpStream,
    seen: &Seen,
    shelf: &Mutex<Shelf>,
    repository: &str,
    (method, rest): (&str, &[&str]),
) -> bool {
    let mut shelf = shelf.lock().unwrap();
    let own = shelf.locks.iter().filter(|(of, _)| of == repository);
    let own: Vec<Value> = own.map(|(_, lock)| lock.clone()).collect();
    match (method, rest) {
        ("GET", []) => {
            let list = json!({ "locks": own });
            send(stream, "200 OK", JSON, "", list.to_string().as_bytes())
        }
        ("POST", []) => {
            let asked: Value = serde_json::from_slice(&seen.body).unwrap();
            shelf.locked += 1;
            let lock = json!({
                "id": shelf.locked.to_string(),
                "path": asked["path"],
                "locked_at": "2026-01-01T00:00:00Z",
                "owner": { "name": "tester" },
            });
            shelf.locks.push((repository.to_owned(), lock.clone()));
            send(stream, "201 Created", JSON, "", json!({ "lock": lock }).to_string().as_bytes())
        }
        ("POST", ["verify"]) => {
            let list = json!({ "ours": own, "theirs": [] });
            send(stream, "200 OK", JSON, "", list.to_string().as_bytes())
        }
        ("POST", [id, "unlock"]) => {
            // As hosts there are: whose repository the lock is of is not asked.
            let Some(at) = shelf.locks.iter().position(|(_, lock)| lock["id"] == *id) else {
                return send(stream, "404 Not Found", JSON, "", br#"{"message":"no such lock"}"#);
            };
            let (_, lock) = shelf.locks.remove(at);
            send(stream, "200 OK", JSON, "", json!({ "lock": lock }).to_string().as_bytes())
        }
        _ => send(stream, "404 Not Found", JSON, "", br#"{"message":"no such thing"}"#),
    }
}

fn send(stream: &mut TcpStream, status: &str, kind: &str, more: &str, body: &[u8]) -> bool {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body).is_ok()
}
