//! All operations as a tree of segments, so that a request walks down once.

use super::super::path::{decode, without_extension};
use super::operation::Operation;
use super::segment::{Capture, Segment};
use crate::domain::segments::segments;
use std::borrow::Cow;

/// The tree. A node is named by its place in the list; the first is the root.
#[derive(Debug)]
pub(super) struct Index {
    nodes: Vec<Node>,
}

/// What is known after some segments.
#[derive(Debug, Default)]
struct Node {
    literals: Vec<(&'static str, usize)>,
    captures: Vec<(Capture, usize)>,
    /// The operations whose path ends here.
    here: Rows,
    /// Those whose path goes on with the name of something.
    rest: Rows,
    /// Those for everything from here on.
    below: Rows,
}

/// The operations of one path, and its methods as `Allow` lists them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    operations: Vec<&'static Operation>,
    pub(super) allow: String,
}

/// Where a path leads.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The operations of exactly this path.
    pub(super) rows: Option<&'static Rows>,
    /// How many bytes of the path decide. What follows names a file.
    pub(super) deciding: usize,
    /// The project that the path names.
    pub(super) project: Option<Cow<'a, str>>,
    /// The repository that it names.
    pub(super) repository: Option<Cow<'a, str>>,
}

impl Rows {
    fn add(&mut self, operation: &'static Operation) {
        self.operations.push(operation);
        for method in operation.verb.methods() {
            if !self.allow.split(", ").any(|known| known == *method) {
                if !self.allow.is_empty() {
                    self.allow.push_str(", ");
                }
                self.allow.push_str(method);
            }
        }
    }

    /// The operation for a method.
    pub(super) fn of(&self, method: &str) -> Option<&'static Operation> {
        self.operations.iter().copied().find(|operation| operation.verb.takes(method))
    }
}

impl Index {
    /// The tree of these operations.
    pub(super) fn new(operations: impl Iterator<Item = &'static Operation>) -> Self {
        let mut index = Self { nodes: vec![Node::default()] };
        for operation in operations {
            index.add(operation);
        }
        index
    }

    /// Adds an operation. What Bitbucket has of a repository it has of a personal one also below
    /// `users/~slug` (API reference, "Personal Repositories").
    fn add(&mut self, operation: &'static Operation) {
        let path = operation.path;
        self.insert(operation, path.split('/'));
        if path.contains("/projects/{project}/repos") {
            let personal = |text| match text {
                "projects" => "users",
                "{project}" => "{personal}",
                text => text,
            };
            self.insert(operation, path.split('/').map(personal));
        }
    }

    fn insert(&mut self, operation: &'static Operation, path: impl Iterator<Item = &'static str>) {
        let mut at = 0;
        for text in path.filter(|text| !text.is_empty()) {
            match Segment::new(text) {
                Segment::Literal(text) => at = self.child(at, |node| &mut node.literals, text),
                Segment::Capture(kind) => at = self.child(at, |node| &mut node.captures, kind),
                Segment::Rest => return self.nodes[at].rest.add(operation),
                Segment::Below => return self.nodes[at].below.add(operation),
            }
        }
        self.nodes[at].here.add(operation);
    }

    fn child<K: PartialEq>(
        &mut self,
        at: usize,
        children: fn(&mut Node) -> &mut Vec<(K, usize)>,
        key: K,
    ) -> usize {
        let next = self.nodes.len();
        let list = children(&mut self.nodes[at]);
        if let Some((_, child)) = list.iter().find(|(known, _)| *known == key) {
            return *child;
        }
        list.push((key, next));
        self.nodes.push(Node::default());
        next
    }

    /// Walks down a path that begins with a slash, byte for byte.
    pub(super) fn find<'a>(&'static self, path: &'a str) -> Found<'a> {
        let mut found = Found { deciding: path.len(), ..Found::default() };
        let mut node = &self.nodes[0];
        let (mut offset, mut last) = (1, None);
        for segment in segments(&path[1..]) {
            let Some((kind, child)) = node.step(segment) else {
                if !segment.is_empty() && !node.rest.operations.is_empty() {
                    found.rows = Some(&node.rest);
                    found.deciding = offset;
                }
                return found;
            };
            last = Some((kind, segment));
            match kind {
                Some(Capture::Project | Capture::Personal) => found.project = Some(decode(segment)),
                Some(Capture::Repository) => found.repository = Some(decode(segment)),
                _ => {}
            }
            node = &self.nodes[child];
            offset += segment.len() + 1;
        }
        // A host that takes `.json` for a wish about the answer would mean another repository.
        let named = last.and_then(|(kind, segment)| names_place(kind, segment));
        if named.is_none_or(|name| without_extension(&name).is_none()) {
            found.rows = Some(&node.here).filter(|rows| !rows.operations.is_empty());
        }
        found
    }

    /// Of a tree of what no token may do: what this path could be taken for, in any case, any escapes, and
    /// with an ending by which hosts are told the format of the answer.
    pub(super) fn forbids(&self, method: &str, path: &str) -> Option<&'static Operation> {
        let text = decode(path);
        let short = || without_extension(text.trim_end_matches('/'));
        let whole = self.forbidden(0, method, &text);
        whole.or_else(|| short().and_then(|text| self.forbidden(0, method, text)))
    }

    /// Whether the path could be taken for that of any operation: literals in any case and spelling, anything
    /// where something is named, with or without the name of a format at its end.
    pub(super) fn resembles(&self, path: &str) -> bool {
        let text = decode(path).to_ascii_lowercase();
        let known = |text: &str| {
            let segments: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            self.leads_somewhere(0, &segments)
        };
        known(&text) || without_extension(text.trim_end_matches('/')).is_some_and(known)
    }

    fn leads_somewhere(&self, at: usize, path: &[&str]) -> bool {
        let node = &self.nodes[at];
        let any = |rows: &Rows| !rows.operations.is_empty();
        let Some((first, rest)) = path.split_first() else {
            return any(&node.here) || any(&node.below);
        };
        let literals = node.literals.iter().filter(|(text, _)| text.eq_ignore_ascii_case(first));
        let captures = node.captures.iter().map(|(_, child)| *child);
        any(&node.rest)
            || any(&node.below)
            || literals
                .map(|(_, child)| *child)
                .chain(captures)
                .any(|next| self.leads_somewhere(next, rest))
    }

    /// What forbids what is left of a path, from a node on: the most special first.
    fn forbidden(&self, at: usize, method: &str, path: &str) -> Option<&'static Operation> {
        let node = &self.nodes[at];
        let path = path.trim_start_matches('/');
        if path.is_empty() {
            return node.here.of(method).or_else(|| node.below.of(method));
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let literals = node.literals.iter().filter(|(text, _)| text.eq_ignore_ascii_case(first));
        let literals = literals.map(|(_, child)| *child);
        let mut children = literals.chain(node.captures.iter().map(|(_, child)| *child));
        let deeper = children.find_map(|child| self.forbidden(child, method, rest));
        deeper.or_else(|| node.below.of(method))
    }
}

/// The name of a project or repository.
fn names_place(kind: Option<Capture>, segment: &str) -> Option<Cow<'_, str>> {
    matches!(kind?, Capture::Project | Capture::Personal | Capture::Repository)
        .then(|| decode(segment))
}

impl Node {
    /// The child that a segment leads to, and by which capture. What spells a literal in another way is
    /// no capture.
    fn step(&self, segment: &str) -> Option<(Option<Capture>, usize)> {
        if let Some((_, child)) = self.literals.iter().find(|(text, _)| *text == segment) {
            return Some((None, *child));
        }
        let (kind, child) = self.captures.iter().find(|(kind, _)| kind.admits(segment))?;
        if !self.literals.is_empty() {
            let decoded = decode(segment);
            if self.literals.iter().any(|(text, _)| text.eq_ignore_ascii_case(&decoded)) {
                return None;
            }
        }
        Some((Some(*kind), *child))
    }
}
