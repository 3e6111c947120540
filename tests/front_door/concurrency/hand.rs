//! Somebody who makes and changes tokens, over HTTP and on the command line in turns.

use super::book::{Book, Maybe, Token, number};
use super::wire::{HEAD, PUSH_REFS, Wire};
use crate::support::{PASSWORD, Site};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// Whose tokens: the path in the API, and the options of the command line.
const OWNERS: [(&str, &[&str]); 3] = [
    ("/users/alice", &["--user", "alice", "--password-stdin"]),
    ("/projects/team", &["--project", "team"]),
    ("/projects/team/repos/app", &["--project", "team", "--repo", "app"]),
];

/// One of them. What one makes the others leave alone, so that each knows what must be.
pub struct Hand<'a> {
    site: &'a Site,
    name: String,
    state: u64,
    steps: u64,
    /// The server; none once it was found dead.
    wires: Option<[Wire; 3]>,
    /// After which step the server is to be killed amid the next one, and how long after it was asked.
    pub doom: Option<(u64, Duration)>,
    /// What may still be changed: the number, the owner, the secret, and whether it has a successor. What
    /// a change without an answer was about is left alone, so that it can be told whether it was made.
    mine: Vec<(u64, usize, String, bool)>,
    pub book: Book,
}

impl<'a> Hand<'a> {
    pub fn new(site: &'a Site, name: &str, seed: u64) -> Self {
        let wire = || Wire::to(site.address());
        // The server may be dead already.
        let wires = (|| Ok::<_, io::Error>([wire()?, wire()?, wire()?]))().ok();
        let (name, state) = (name.to_owned(), seed | 1);
        Self {
            site,
            name,
            state,
            steps: 0,
            wires,
            doom: None,
            mine: Vec::new(),
            book: Book::default(),
        }
    }

    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % below as u64).unwrap()
    }

    /// Makes one change, and looks whether it holds for the next request on kept connections. `false`
    /// when the server went away meanwhile.
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        let there = self.wires.is_some();
        let http = there && (self.random(3) != 0 || self.doomed());
        let choice = if self.mine.is_empty() { 0 } else { self.random(10) };
        let made = match choice {
            0..4 => self.create(http),
            4..6 => self.edit(http),
            6..8 if there => self.rotate(),
            _ => self.revoke(http),
        };
        if let Err(error) = &made {
            let timeout =
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            assert!(!timeout, "{}: no answer in time", self.name);
            self.wires = None;
        }
        made.is_ok()
    }

    fn doomed(&self) -> bool {
        self.doom.is_some_and(|(after, _)| self.steps > after)
    }

    fn wanted(&mut self) -> Token {
        let name = format!("{} {}", self.name, self.steps);
        let permission = ["REPO_READ", "REPO_WRITE"][self.random(2)].to_owned();
        Token { name, permission, live: true }
    }

    /// A call over HTTP, which must succeed if it is answered at all.
    fn call(&mut self, line: &str, body: &Value) -> io::Result<Value> {
        let doomed = self.doomed();
        let [wire, ..] = self.wires.as_mut().unwrap();
        wire.send_call(line, "alice", body)?;
        if let Some((_, delay)) = self.doom.take_if(|_| doomed) {
            std::thread::sleep(delay);
            self.site.signal("KILL");
        }
        let (status, value) = wire.answer()?;
        assert!(matches!(status, 200 | 204), "{}: {line}: {status} {value}", self.name);
        Ok(value)
    }

    fn create(&mut self, http: bool) -> io::Result<()> {
        let token = self.wanted();
        let owner = self.random(OWNERS.len());
        let (path, options) = OWNERS[owner];
        let made = if http {
            let body = json!({ "name": token.name, "permissions": [token.permission] });
            let made = self.call(&format!("PUT {path}"), &body);
            made.inspect_err(|_| self.book.maybes.push(Maybe::Created(token.clone())))?
        } else {
            let mut command = vec!["token", "create", "--json", "--name", &token.name];
            command.extend(["--permission", &token.permission]);
            command.extend(options);
            let password = if owner == 0 { PASSWORD } else { "" };
            serde_json::from_str(&self.site.done(&command, password)).unwrap()
        };
        let (id, secret) = (number(&made), made["token"].as_str().unwrap().to_owned());
        let permission = token.permission.clone();
        self.book.created(id, token, Some(&secret));
        self.mine.push((id, owner, secret.clone(), false));
        self.holds(&secret, Some(&permission))
    }

    fn edit(&mut self, http: bool) -> io::Result<()> {
        let at = self.random(self.mine.len());
        let (id, owner, secret, has_successor) = self.mine.swap_remove(at);
        let token = self.wanted();
        if http {
            let body = json!({ "name": token.name, "permissions": [token.permission] });
            let made = self.call(&format!("POST {}/{id}", OWNERS[owner].0), &body);
            made.inspect_err(|_| self.book.maybes.push(Maybe::Edited(id, token.clone())))?;
        } else {
            let (number, permission) = (id.to_string(), token.permission.as_str());
            let options = ["--name", &token.name, "--permission", permission];
            self.site.done(&[&["token", "edit", &number][..], &options].concat(), "");
        }
        let permission = token.permission.clone();
        self.book.edited(id, token);
        self.mine.push((id, owner, secret.clone(), has_successor));
        self.holds(&secret, Some(&permission))
    }

    fn rotate(&mut self) -> io::Result<()> {
        let at = self.random(self.mine.len());
        if self.mine[at].3 {
            return self.revoke(true);
        }
        let (id, owner, secret, _) = self.mine.swap_remove(at);
        let overlap = self.random(3) == 0;
        let body = if overlap { json!({ "overlap": "1h" }) } else { Value::Null };
        let made = self.call(&format!("POST {}/{id}/rotate", OWNERS[owner].0), &body);
        let made = made.inspect_err(|_| self.book.maybes.push(Maybe::Rotated { id, overlap }))?;
        let (successor, new) = (number(&made), made["token"].as_str().unwrap().to_owned());
        self.book.rotated(id, successor, overlap, Some(&new));
        let permission = self.book.tokens[&id].permission.clone();
        if overlap {
            self.mine.push((id, owner, secret.clone(), true));
        }
        self.mine.push((successor, owner, new.clone(), false));
        self.holds(&secret, overlap.then_some(&permission))?;
        self.holds(&new, Some(&permission))
    }

    fn revoke(&mut self, http: bool) -> io::Result<()> {
        let at = self.random(self.mine.len());
        let (id, owner, secret, _) = self.mine.swap_remove(at);
        if http {
            let made = self.call(&format!("DELETE {}/{id}", OWNERS[owner].0), &Value::Null);
            made.inspect_err(|_| self.book.maybes.push(Maybe::Revoked(id)))?;
        } else {
            self.site.done(&["token", "revoke", &id.to_string()], "");
        }
        self.book.revoked(id);
        self.holds(&secret, None)
    }

    /// Looks whether the secret is honoured for this permission, or for nothing, by the next request.
    fn holds(&mut self, secret: &str, permission: Option<&String>) -> io::Result<()> {
        let (read, push) = match permission.map(String::as_str) {
            None => (401, 401),
            Some("REPO_READ") => (200, 403),
            Some(_) => (200, 200),
        };
        let Some(wires) = &mut self.wires else { return Ok(()) };
        for wire in wires.iter_mut() {
            assert_eq!(wire.status(HEAD, secret)?, read, "{} {}", self.name, self.steps);
        }
        assert_eq!(wires[0].status(PUSH_REFS, secret)?, push, "{} {}", self.name, self.steps);
        Ok(())
    }
}
