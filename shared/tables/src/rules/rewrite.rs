//! The text of a row as it is wanted: what is dropped is not in it, and what is hashed is a digest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::Error;
use sha2::{Digest, Sha256};

use super::{MARK, Part, Wanted};
use crate::declaration::{Child, Column, Form, Kind, Table};
use crate::json;
use crate::value::{self, Value};

/// Rewrites the texts of rows.
pub(crate) struct Rewriter {
    salt: String,
    /// Of a row of the table itself, its children's rows inside.
    row: Node,
    /// Of a child's row by itself.
    children: BTreeMap<&'static str, Node>,
    /// Of a row that is not wanted: what tells which one it is.
    mark: Node,
    /// What a row that is not wanted has in place of its children's rows.
    nothing: Vec<(&'static str, &'static str)>,
}

impl std::fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rewriter").finish_non_exhaustive()
    }
}

/// What becomes of the keys of an object.
#[derive(Debug, Default)]
struct Node {
    keys: HashMap<&'static str, Step>,
    /// Whether all other keys go.
    only: bool,
}

/// What becomes of one key.
#[derive(Debug, Default)]
struct Step {
    action: Action,
    /// Of the objects that it has, or that are in its array.
    below: Option<Node>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Action {
    #[default]
    Keep,
    Drop,
    Hash,
}

/// Whether texts come from FreshBooks, or from `_raw`, where some were rewritten before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Api,
    Raw,
}

impl Rewriter {
    pub(super) fn new(family: &'static Table, wanted: &BTreeMap<&'static str, Wanted>, salt: &str) -> Self {
        let mut row = Node::default();
        let mut children = BTreeMap::new();
        let none = Wanted::default();
        for part in Part::all(family) {
            let wanted = wanted.get(part.name()).unwrap_or(&none);
            let Some(child) = part.child else {
                row.fill(part, wanted);
                continue;
            };
            let mut own = Node::default();
            own.fill(part, wanted);
            children.insert(child.name, own);
            if !wanted.dropped.is_empty() || !wanted.hashed.is_empty() || wanted.only {
                row.at(child.source).fill(part, wanted);
            }
        }
        let mut mark = Node { only: true, ..Node::default() };
        for column in
            family.columns.iter().filter(|c| Part { table: family, child: None }.needed(c.name).is_some())
        {
            for source in sources(column) {
                mark.insert(source, Action::Keep);
            }
        }
        let tops = family.children.iter().filter(|child| !child.source.contains('.'));
        let nothing = tops.map(|child| (child.source, if child.form == Form::Array { "[]" } else { "null" }));
        Self { salt: salt.to_owned(), row, children, mark, nothing: nothing.collect() }
    }

    /// A row of `table`, or of its child called so.
    pub(crate) fn row<'a>(&self, table: &str, text: &'a str, from: Source) -> Result<Cow<'a, str>, Error> {
        let node = self.children.get(table).unwrap_or(&self.row);
        if node.keys.is_empty() && !node.only {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        self.object(text, node, from, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// What tells that a row is not wanted: which one it is, and that it has no children.
    pub(crate) fn mark(&self, text: &str) -> Result<String, Error> {
        let mut out = String::new();
        self.object(text, &self.mark, Source::Api, &mut out)?;
        out.pop();
        for (key, nothing) in &self.nothing {
            out.push_str(if out.len() > 1 { "," } else { "" });
            written(write!(out, "\"{key}\":{nothing}"));
        }
        out.push('}');
        Ok(out)
    }

    fn object(&self, text: &str, node: &Node, from: Source, out: &mut String) -> Result<(), Error> {
        out.push('{');
        let start = out.len();
        let mut failed = None;
        json::entries(text, |key, value| {
            let step = node.keys.get(&*key);
            let action = step.map_or(if node.only { Action::Drop } else { Action::Keep }, |step| step.action);
            if action == Action::Drop {
                return;
            }
            out.push_str(if out.len() > start { "," } else { "" });
            // A key that was read can be written.
            out.push_str(&serde_json::to_string(&*key).unwrap_or_default());
            out.push(':');
            match step.and_then(|step| step.below.as_ref()) {
                _ if action == Action::Hash => self.hashed(value, from, out),
                Some(below) => {
                    if let Err(error) = self.below(value, below, from, out) {
                        failed.get_or_insert(error);
                    }
                }
                None => out.push_str(value),
            }
        })?;
        out.push('}');
        failed.map_or(Ok(()), Err)
    }

    fn below(&self, text: &str, node: &Node, from: Source, out: &mut String) -> Result<(), Error> {
        match text.as_bytes().first() {
            Some(b'{') => self.object(text, node, from, out),
            Some(b'[') => {
                out.push('[');
                let start = out.len();
                let mut failed = None;
                json::elements(text, |element| {
                    out.push_str(if out.len() > start { "," } else { "" });
                    if let Err(error) = self.below(element, node, from, out) {
                        failed.get_or_insert(error);
                    }
                })?;
                out.push(']');
                failed.map_or(Ok(()), Err)
            }
            _ => {
                out.push_str(text);
                Ok(())
            }
        }
    }

    /// The digest of a value as its column would have had it; what says nothing stays.
    fn hashed(&self, json: &str, from: Source, out: &mut String) {
        let text = match value::parse(Kind::Text, json) {
            Ok(Value::Text(text)) => text,
            Ok(_) => return out.push_str(json),
            // No text at all: nothing of it may come all the same.
            Err(_) => Cow::Borrowed(json),
        };
        if text.is_empty() || (from == Source::Raw && is_digest(&text)) {
            return out.push_str(json);
        }
        written(write!(out, "\"{}\"", self.digest(&text)));
    }

    /// `sha256:` and the SHA-256, in hex, of the salt, a zero byte, and the text.
    pub(crate) fn digest(&self, text: &str) -> String {
        let hash = Sha256::new().chain_update(&self.salt).chain_update([0]).chain_update(text).finalize();
        hash.iter().fold(MARK.to_owned(), |mut digest, byte| {
            written(write!(digest, "{byte:02x}"));
            digest
        })
    }
}

/// Whether a text is a digest already.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Writing to a string cannot fail.
fn written(result: std::fmt::Result) {
    debug_assert!(result.is_ok());
}

/// Where a column's value may be.
fn sources(column: &'static Column) -> impl Iterator<Item = &'static str> {
    std::iter::once(column.source).chain(column.alias)
}

impl Node {
    /// Says what becomes of the columns of `part`, whose rows are the objects of this node.
    fn fill(&mut self, part: Part, wanted: &Wanted) {
        if wanted.dropped.is_empty() && wanted.hashed.is_empty() && !wanted.only {
            return;
        }
        self.only = wanted.only;
        let columns = part.columns();
        for (at, column) in columns.iter().enumerate() {
            let action = match (wanted.dropped.contains(&at), wanted.hashed.contains(&at)) {
                (true, _) => Action::Drop,
                (_, true) => Action::Hash,
                _ => Action::Keep,
            };
            if part.child.is_none() && part.table.children.iter().any(|child| has(child, column.source)) {
                // Its text is that of a column of the child, too.
                continue;
            }
            self.insert(column.source, action);
            // Most objects repeat their id under a second name, which may be a column of its own.
            if let Some(alias) = column.alias.filter(|alias| !columns.iter().any(|c| c.source == *alias)) {
                self.insert(alias, action);
            }
        }
        if !self.only {
            return;
        }
        // Rows of their own come and go as is said of them.
        let children = part.table.children.iter().map(|child| child.source);
        let inside = |source: &'static str| match part.child {
            None => Some(source),
            Some(child) => inside(child.source, source),
        };
        let sources: Vec<_> = children.filter_map(inside).collect();
        for source in &sources {
            if !sources.iter().any(|other| inside_of(other, source)) {
                self.insert(source, Action::Keep);
            }
        }
        if let Some(child) = part.child {
            self.insert(child.parent_key, Action::Keep);
        }
    }

    /// The node of the objects at `path`.
    fn at(&mut self, path: &'static str) -> &mut Self {
        if path.is_empty() {
            return self;
        }
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        self.keys.entry(first).or_default().below.get_or_insert_default().at(rest)
    }

    fn insert(&mut self, path: &'static str, action: Action) {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let only = self.only;
        let node = self.at(above);
        node.only |= only;
        node.keys.entry(key).or_default().action = action;
    }
}

/// Where a source is inside of another one.
fn inside(outer: &str, inner: &'static str) -> Option<&'static str> {
    inner.strip_prefix(outer)?.strip_prefix('.')
}

fn inside_of(outer: &str, inner: &'static str) -> bool {
    inside(outer, inner).is_some()
}

/// Whether a child has a column of what is at `source` in its parent's row.
fn has(child: &Child, source: &'static str) -> bool {
    inside(child.source, source).is_some_and(|source| child.columns.iter().any(|c| c.source == source))
}
