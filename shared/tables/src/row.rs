//! One row of JSON text to the typed values of its columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::declaration::Column;
use crate::json;
use crate::rules::{Rules, Wanted, is_digest};
use crate::value::{self, Value};

/// What the keys of a row mean, compiled once from a declaration.
#[derive(Debug)]
pub(crate) struct Plan {
    columns: &'static [Column],
    root: Node,
    /// What is wanted of the columns, where something is.
    ruled: Option<(Wanted, Arc<Rules>)>,
}

/// The keys of one object.
#[derive(Debug, Default)]
struct Node {
    keys: Vec<(&'static str, Target)>,
    by_name: HashMap<&'static str, usize>,
    /// Which key stood at which place in the last object: FreshBooks keeps an order, so the next object most likely
    /// has the same one and no key needs to be hashed.
    order: Vec<usize>,
}

#[derive(Debug)]
enum Target {
    Column(usize),
    /// Read only where the column's own key did not bring a value.
    Alias(usize),
    /// A child's rows; others may be further down.
    Child(usize, Node),
    Secret,
    /// Known, and told elsewhere: a child's copy of its parent's key.
    Ignored,
    Nested(Node),
}

/// What one row holds; reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Row<'a> {
    /// One value per column.
    pub(crate) values: Vec<Value<'a>>,
    /// The text of each child's rows, where the parent has it; it may be null.
    pub(crate) children: Vec<Option<&'a str>>,
    /// What no column takes: key and JSON text.
    pub(crate) extra: Vec<(Cow<'a, str>, &'a str)>,
    /// The values that must not be stored.
    pub(crate) secrets: Vec<&'a str>,
}

/// Why a row cannot be typed.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    /// The key at fault, dotted; empty for the row itself.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) reason: String,
}

impl Plan {
    /// Compiles what the keys mean. `children` says where the rows of each child are, in order; what is `ignored` is told
    /// elsewhere.
    pub(crate) fn new(
        columns: &'static [Column],
        children: impl Iterator<Item = &'static str>,
        secrets: &[&'static str],
        ignored: impl Iterator<Item = &'static str>,
    ) -> Self {
        let mut root = Node::default();
        // Children first: what columns and secrets take from inside of one is then looked up below it.
        for (at, source) in children.enumerate() {
            root.insert(source, Target::Child(at, Node::default()));
        }
        for secret in secrets {
            root.insert(secret, Target::Secret);
        }
        for (at, column) in columns.iter().enumerate() {
            root.insert(column.source, Target::Column(at));
        }
        for (at, column) in columns.iter().enumerate() {
            // An alias that is a column of its own is looked up there once the row is read.
            if let Some(alias) = column.alias
                && !columns.iter().any(|c| c.source == alias)
            {
                root.insert(alias, Target::Alias(at));
            }
        }
        for key in ignored {
            if !root.by_name.contains_key(key) {
                root.insert(key, Target::Ignored);
            }
        }
        Self { columns, root, ruled: None }
    }

    /// The same, of what `rules` want of the table called `table`.
    pub(crate) fn under(mut self, rules: Option<&Arc<Rules>>, table: &str) -> Self {
        self.ruled = rules.map(|rules| (rules.wanted(table), Arc::clone(rules)));
        self
    }

    /// Reads `text` into `row`.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        children: usize,
        row: &mut Row<'a>,
    ) -> Result<(), Fault> {
        row.values.clear();
        row.values.resize(self.columns.len(), Value::Null);
        row.children.clear();
        row.children.resize(children, None);
        row.extra.clear();
        row.secrets.clear();
        let mut reading = Reading { columns: self.columns, row, fault: None };
        reading.object(text, &mut self.root, "");
        if let Some(fault) = reading.fault {
            return Err(fault);
        }
        for (at, column) in self.columns.iter().enumerate() {
            let Some(alias) = column.alias else { continue };
            if row.values.get(at) == Some(&Value::Null)
                && let Some(other) = self.columns.iter().position(|c| c.source == alias)
                && let Some(value) = row.values.get(other).cloned()
                && let Some(slot) = row.values.get_mut(at)
            {
                *slot = value;
            }
        }
        if let Some((wanted, rules)) = &self.ruled {
            // What the text still tells under another name.
            for at in &wanted.dropped {
                if let Some(slot) = row.values.get_mut(*at) {
                    *slot = Value::Null;
                }
            }
            for at in &wanted.hashed {
                if let Some(Value::Text(text)) = row.values.get_mut(*at)
                    && !text.is_empty()
                    && !is_digest(text)
                {
                    *text = Cow::Owned(rules.rewriter().digest(text));
                }
            }
        }
        Ok(())
    }
}

impl Node {
    fn insert(&mut self, path: &'static str, target: Target) {
        let Some((first, rest)) = path.split_once('.') else {
            let at = self.keys.len();
            self.keys.push((path, target));
            self.by_name.insert(path, at);
            return;
        };
        let at = *self.by_name.entry(first).or_insert_with(|| {
            self.keys.push((first, Target::Nested(Self::default())));
            self.keys.len() - 1
        });
        if let Some((_, Target::Nested(node) | Target::Child(_, node))) = self.keys.get_mut(at) {
            node.insert(rest, target);
        }
    }

    /// The index of `key`, which stands at `place` in its object.
    fn find(&mut self, place: usize, key: &str) -> Option<usize> {
        if let Some(&at) = self.order.get(place)
            && self.keys.get(at).is_some_and(|(name, _)| *name == key)
        {
            return Some(at);
        }
        let at = *self.by_name.get(key)?;
        if self.order.len() <= place {
            self.order.resize(place + 1, at);
        }
        if let Some(slot) = self.order.get_mut(place) {
            *slot = at;
        }
        Some(at)
    }
}

struct Reading<'r, 'a> {
    columns: &'static [Column],
    row: &'r mut Row<'a>,
    fault: Option<Fault>,
}

impl<'a> Reading<'_, 'a> {
    fn object(&mut self, text: &'a str, node: &mut Node, prefix: &str) {
        let mut place = 0;
        let read = json::entries(text, |key, value| {
            let found = node.find(place, &key);
            place += 1;
            match found.and_then(|at| node.keys.get_mut(at)) {
                Some((_, target)) => self.value(&key, value, target, prefix),
                None => self.extra(key, value, prefix),
            }
        });
        if let Err(error) = read {
            self.fail(prefix.trim_end_matches('.').to_owned(), error.to_string());
        }
    }

    fn value(&mut self, key: &str, value: &'a str, target: &mut Target, prefix: &str) {
        match target {
            Target::Column(at) => {
                let at = *at;
                let Some(column) = self.columns.get(at) else { return };
                match value::parse(column.kind, value) {
                    Ok(typed) => self.set(at, typed),
                    Err(_) if column.unseen => self.extra(Cow::Owned(key.to_owned()), value, prefix),
                    Err(reason) => self.fail(format!("{prefix}{key}"), reason),
                }
            }
            Target::Alias(at) => {
                let at = *at;
                if self.row.values.get(at) == Some(&Value::Null)
                    && let Some(column) = self.columns.get(at)
                    && let Ok(typed) = value::parse(column.kind, value)
                {
                    self.set(at, typed);
                }
            }
            Target::Child(at, below) => {
                if let Some(slot) = self.row.children.get_mut(*at) {
                    *slot = Some(value);
                }
                if !below.keys.is_empty() && value.starts_with('{') {
                    self.below(value, below, &format!("{prefix}{key}."));
                }
            }
            Target::Secret => {
                if value != "null" && value != "\"\"" {
                    self.row.secrets.push(value);
                }
            }
            Target::Ignored => {}
            Target::Nested(node) => match value.as_bytes().first() {
                Some(b'{') => self.object(value, node, &format!("{prefix}{key}.")),
                _ if value == "null" => {}
                _ => self.extra(Cow::Owned(key.to_owned()), value, prefix),
            },
        }
    }

    /// Looks for what is further down; every other key is the child's.
    fn below(&mut self, text: &'a str, node: &mut Node, prefix: &str) {
        let read = json::entries(text, |key, value| {
            if let Some((_, target)) = node.by_name.get(&*key).and_then(|at| node.keys.get_mut(*at)) {
                self.value(&key, value, target, prefix);
            }
        });
        if let Err(error) = read {
            self.fail(prefix.trim_end_matches('.').to_owned(), error.to_string());
        }
    }

    fn set(&mut self, at: usize, value: Value<'a>) {
        if let Some(slot) = self.row.values.get_mut(at) {
            *slot = value;
        }
    }

    fn extra(&mut self, key: Cow<'a, str>, value: &'a str, prefix: &str) {
        let key = if prefix.is_empty() { key } else { Cow::Owned(format!("{prefix}{key}")) };
        self.row.extra.push((key, value));
    }

    /// Keeps the first fault: the later ones mostly follow from it.
    fn fail(&mut self, path: String, reason: String) {
        self.fault.get_or_insert(Fault { path, reason });
    }
}

/// `text` without the values in `secrets`, which are parts of it.
pub(crate) fn masked<'a>(text: &'a str, secrets: &[&'a str]) -> Cow<'a, str> {
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        let start = secret.as_ptr().addr() - text.as_ptr().addr();
        out.push_str(text.get(done..start).unwrap_or_default());
        out.push_str("\"***\"");
        done = start + secret.len();
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}
