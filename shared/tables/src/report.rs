//! A report's tree to rows: one per line.
//!
//! Values stay the text that FreshBooks wrote, so that no number passes through a float.

use std::borrow::Cow;

use serde::de::Error as _;
use serde_json::{Error, Value};

use crate::declaration::Layout;
use crate::json;

/// The keys that tell a line's place. FreshBooks' own keys of such a name, and the report's where a line has the same,
/// come under [`HIDDEN_IN_NODE`] and [`HIDDEN_IN_REPORT`].
const PLACE: [&str; 4] = ["section", "line", "depth", "path"];
const HIDDEN_IN_NODE: &str = "node.";
const HIDDEN_IN_REPORT: &str = "report.";

/// Holds what stands where a line should, and is none.
const NO_LINE: &str = "node";

/// Holds money that stands where a line should: a total.
const TOTAL: &str = "amount";

/// The section and line of a report that has none of its sections: its own keys.
const ONLY_HEADER: &str = "report";

/// Reports are a few levels deep: a tree deeper than this is an answer gone wrong.
const DEEPEST: u32 = 64;

type Entry<'a> = (Cow<'a, str>, &'a str);

/// Flattens the object of a report: its other keys are repeated on each line of its sections, and so are those of the
/// `parameters` it was asked for with that it does not repeat itself.
///
/// Nothing is dropped but the token that opens the report's download page, and nulls where a line could be. A report with
/// none of its sections is one line of its other keys.
pub fn flatten(report: &str, layout: &Layout, parameters: &[(&str, String)]) -> Result<Vec<String>, Error> {
    let sections = layout.sections;
    let asked: Vec<_> =
        parameters.iter().map(|(key, text)| (*key, Value::from(text.as_str()).to_string())).collect();
    let mut header: Vec<Entry<'_>> = Vec::new();
    let mut trees: Vec<Option<&str>> = vec![None; sections.len()];
    let mut twice = None;
    json::entries(report, |key, value| {
        let section = sections.iter().position(|name| *name == key);
        match section.and_then(|at| trees.get_mut(at)) {
            Some(tree) if tree.is_some() => twice = Some(key),
            Some(tree) => *tree = Some(value),
            None if key == "download_token" => {}
            None => header.push((key, value)),
        }
    })?;
    if let Some(section) = twice {
        return Err(Error::custom(format!("the report has {section} twice")));
    }
    let told = |key: &str| header.iter().any(|(told, value)| told == key && *value != "null");
    let asked: Vec<Entry<'_>> =
        asked.iter().filter(|(key, _)| !told(key)).map(|(key, text)| ((*key).into(), &**text)).collect();
    header.retain(|(key, _)| !asked.iter().any(|(other, _)| other == key));
    let mut lines = Vec::new();
    if trees.iter().all(Option::is_none) && !header.is_empty() {
        let top = Place { line: ONLY_HEADER.to_owned(), path: String::new(), depth: 0, names: Vec::new() };
        let mut walk =
            Walk { layout, asked: &asked, header: &header, section: ONLY_HEADER, lines: &mut lines };
        walk.line(&[], &top, "");
    }
    for (section, tree) in sections.iter().zip(trees) {
        let Some(tree) = tree else { continue };
        let mut walk = Walk { layout, asked: &asked, header: &header, section, lines: &mut lines };
        let top = Place { line: (*section).to_owned(), path: String::new(), depth: 0, names: Vec::new() };
        if tree.starts_with('[') {
            walk.nodes(tree, &top)?;
        } else {
            walk.node(tree, &top)?;
        }
    }
    Ok(lines)
}

struct Walk<'w, 'a> {
    layout: &'w Layout,
    /// The parameters that the report does not repeat; a line may.
    asked: &'w [Entry<'a>],
    header: &'w [Entry<'a>],
    section: &'w str,
    lines: &'w mut Vec<String>,
}

/// Where a line is, and what it is below.
struct Place<'n> {
    line: String,
    /// The descriptions of what is above.
    path: String,
    depth: u32,
    /// The names of what is above.
    names: Vec<Entry<'n>>,
}

impl Walk<'_, '_> {
    fn nodes(&mut self, nodes: &str, place: &Place<'_>) -> Result<(), Error> {
        let mut texts = Vec::new();
        json::elements(nodes, |text| texts.push(text))?;
        for (at, text) in texts.into_iter().enumerate() {
            let line = format!("{}.{at}", place.line);
            self.node(text, &Place { line, path: place.path.clone(), names: place.names.clone(), ..*place })?;
        }
        Ok(())
    }

    fn node(&mut self, node: &str, place: &Place<'_>) -> Result<(), Error> {
        let Place { line, path: above, depth, names } = place;
        if *depth > DEEPEST {
            return Err(Error::custom(format!("the report has more than {DEEPEST} levels")));
        }
        if node == "null" {
            return Ok(());
        }
        if !node.starts_with('{') {
            self.line(&[(NO_LINE.into(), node)], place, above);
            return Ok(());
        }
        if is_money(node)? {
            self.line(&[(TOTAL.into(), node)], place, above);
            return Ok(());
        }
        let mut own: Vec<Entry<'_>> = Vec::new();
        let mut below: Vec<Entry<'_>> = Vec::new();
        let mut twice = None;
        json::entries(node, |key, value| {
            // What is no list of lines is kept with the line, as any key that nobody knows.
            if self.layout.below.contains(&&*key) && (value.starts_with('[') || value == "null") {
                if below.iter().any(|(other, _)| *other == key) {
                    twice = Some(key.clone());
                }
                below.push((key, value));
            } else {
                own.push((key, value));
            }
        })?;
        if let Some(key) = twice {
            return Err(Error::custom(format!("the line {line} has {key} twice")));
        }
        let name = |name: &&&str| own.iter().rev().find(|(key, _)| key == **name).map(|(_, text)| *text);
        let title = self.layout.names.iter().find_map(|key| name(&key));
        let title: String = title.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let path = match (above.is_empty(), title.is_empty()) {
            (true, _) => title,
            (false, true) if self.layout.names.len() > 1 => above.clone(),
            _ => format!("{above} / {title}"),
        };
        let told = |key: &str| own.iter().any(|(other, _)| other == key);
        let repeated: Vec<Entry<'_>> = names.iter().filter(|(key, _)| !told(key)).cloned().collect();
        let all: Vec<Entry<'_>> = repeated.into_iter().chain(own).collect();
        self.line(&all, place, &path);
        let names: Vec<Entry<'_>> =
            all.into_iter().filter(|(key, _)| self.layout.names.contains(&&**key)).collect();
        let single = self.layout.below.len() == 1;
        for (key, nodes) in below.into_iter().filter(|(_, nodes)| *nodes != "null") {
            let line = if single { line.clone() } else { format!("{line}.{key}") };
            self.nodes(nodes, &Place { line, path: path.clone(), depth: depth + 1, names: names.clone() })?;
        }
        Ok(())
    }

    /// Writes one row.
    fn line(&mut self, own: &[Entry<'_>], place: &Place<'_>, path: &str) {
        let mut row = Object::default();
        let told = |key: &str| own.iter().any(|(other, _)| other == key);
        for (key, value) in self.asked.iter().filter(|(key, _)| !told(key)) {
            row.entry("", key, value);
        }
        for (key, value) in self.header {
            let hidden = PLACE.contains(&&**key) || told(key);
            row.entry(if hidden { HIDDEN_IN_REPORT } else { "" }, key, value);
        }
        for (key, value) in own {
            row.entry(if PLACE.contains(&&**key) { HIDDEN_IN_NODE } else { "" }, key, value);
        }
        let text = |text: &str| Value::from(text).to_string();
        let told = [text(self.section), text(&place.line), place.depth.to_string(), text(path)];
        for (key, value) in PLACE.iter().zip(told) {
            row.entry("", key, &value);
        }
        self.lines.push(row.end());
    }
}

/// Whether an object is an amount with its currency, and nothing else.
fn is_money(object: &str) -> Result<bool, Error> {
    let (mut amount, mut others) = (false, false);
    json::entries(object, |key, _| match &*key {
        "amount" => amount = true,
        "code" => {}
        _ => others = true,
    })?;
    Ok(amount && !others)
}

/// The text of an object, as it is written.
#[derive(Default)]
struct Object(String);

impl Object {
    fn entry(&mut self, prefix: &str, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&Value::from(format!("{prefix}{key}")).to_string());
        self.0.push(':');
        self.0.push_str(value);
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests;
