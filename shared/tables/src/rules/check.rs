//! Settings of one table against its declaration: what they mean, or everything that is wrong with them.

use std::collections::BTreeMap;

use model::TableSettings;

use super::filter::Filter;
use super::{Part, Wanted, both};
use crate::catalog::distance;
use crate::declaration::Kind;
use crate::schema::arrow_types;

/// What `set` wants of `part`.
pub(super) fn wanted(part: Part, set: &TableSettings, problems: &mut Vec<String>) -> Wanted {
    let mut check = Check { part, problems };
    let kept = set.columns.as_deref().map(|names| {
        let places: Vec<_> = names.iter().filter_map(|name| check.column("columns", name)).collect();
        (places, names.iter().any(|name| name == "_extra"))
    });
    let mut dropped = check.places("drop", &set.drop);
    let hashed = check.hashed(&set.hash);
    for at in &hashed {
        let Some(column) = part.columns().get(*at) else { continue };
        let left_out = kept.as_ref().is_some_and(|(kept, _)| !kept.contains(at));
        if dropped.contains(at) || left_out {
            check.say("hash", &format!("{} is left out, so there is nothing to hash", column.name));
        }
    }
    if let Some((kept, _)) = &kept {
        for at in dropped.iter().filter(|at| kept.contains(at)) {
            if let Some(column) = part.columns().get(*at) {
                check.say("drop", &format!("{} is among the columns that are wanted", column.name));
            }
        }
        let others = part.columns().iter().enumerate().filter(|(at, column)| {
            !kept.contains(at) && !dropped.contains(at) && part.needed(column.name).is_none()
        });
        dropped.extend(others.map(|(at, _)| at).collect::<Vec<_>>());
    }
    dropped.sort_unstable();
    let renamed = check.renamed(&set.rename, &dropped);
    if part.child.is_some() && set.secrets {
        check.say("secrets", &format!("say it of {}, which they are part of", part.table.name));
    }
    let only = kept.is_some_and(|(_, extra)| !extra);
    Wanted { dropped, hashed, only, renamed, secrets: set.secrets }
}

/// The filter in `text`.
pub(super) fn filter(part: Part, text: &str, problems: &mut Vec<String>) -> Option<Filter> {
    if part.child.is_some() {
        let (name, parent) = (part.name(), part.table.name);
        problems.push(format!(
            "tables.{name}.where: rows of {name} come and go with those of {parent}: say it of that table"
        ));
        return None;
    }
    match Filter::parse(part, text) {
        Ok(filter) => Some(filter),
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|what| format!("tables.{}.where: {what}", part.name())));
            None
        }
    }
}

/// The name of `part`'s columns that is nearest to `name`, as a question.
pub(super) fn nearest(part: Part, name: &str) -> String {
    let names = part.columns().iter().flat_map(both).map(|known| (distance(name, &known), known));
    let near = names.min().filter(|(distance, known)| *distance <= 3.max(known.len() / 3));
    near.map(|(_, near)| format!(": did you mean {near}?")).unwrap_or_default()
}

struct Check<'p> {
    part: Part,
    problems: &'p mut Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, key: &str, what: &str) {
        self.problems.push(format!("tables.{}.{key}: {what}", self.part.name()));
    }

    /// The place of a column that may be named.
    fn column(&mut self, key: &str, name: &str) -> Option<usize> {
        let (part, table) = (self.part, self.part.name());
        let found = part.columns().iter().position(|column| column.name == name);
        if found.is_some() {
            return found;
        }
        let of = part.columns().iter().find(|column| both(column).any(|known| known == name));
        let parent_key = part.child.is_some_and(|child| child.parent_key == name);
        if let Some(column) = of {
            self.say(key, &format!("{name} comes and goes with {}: name that column", column.name));
        } else if parent_key || (key == "columns" && name == "_extra") {
            if parent_key && key != "columns" {
                self.say(key, &format!("{name} of {table} has to stay as it is: it is part of the key"));
            }
        } else if name.starts_with('_') {
            self.say(key, &format!("{name} is freshlake's own, and stays as it is"));
        } else {
            self.say(key, &format!("{table} has no column {name}{}", nearest(part, name)));
        }
        None
    }

    /// The places of columns that are not needed.
    fn places(&mut self, key: &str, names: &[String]) -> Vec<usize> {
        names.iter().filter_map(|name| self.free(key, name)).collect()
    }

    fn free(&mut self, key: &str, name: &str) -> Option<usize> {
        let at = self.column(key, name)?;
        if let Some(why) = self.part.needed(name) {
            let table = self.part.name();
            self.say(key, &format!("{name} of {table} has to stay as it is: {why}"));
            return None;
        }
        Some(at)
    }

    fn hashed(&mut self, names: &[String]) -> Vec<usize> {
        let places = self.places("hash", names);
        let columns = self.part.columns();
        let is_text = |at: &usize| columns.get(*at).is_some_and(|column| column.kind == Kind::Text);
        for at in places.iter().filter(|at| !is_text(at)) {
            if let Some(column) = columns.get(*at) {
                self.say("hash", &format!("{} is no text, and only texts are hashed: drop it", column.name));
            }
        }
        places.into_iter().filter(is_text).collect()
    }

    fn renamed(&mut self, names: &BTreeMap<String, String>, dropped: &[usize]) -> BTreeMap<String, String> {
        let mut renamed = BTreeMap::new();
        for (name, new) in names {
            let Some(at) = self.free("rename", name) else { continue };
            let Some(column) = self.part.columns().get(at) else { continue };
            if dropped.contains(&at) {
                self.say("rename", &format!("{name} is left out, so there is nothing to rename"));
                continue;
            }
            let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
            let first = new.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
            if !first || !new.bytes().all(fits) || new.len() > 63 {
                let what = "lower-case letters, digits and _, a letter first, at most 63";
                self.say("rename", &format!("{name} cannot be called {new:?}: {what}"));
                continue;
            }
            let suffix = arrow_types(column.kind).1;
            let news = [Some(new.clone()), suffix.map(|suffix| format!("{new}{suffix}"))];
            for (old, new) in both(column).zip(news.into_iter().flatten()) {
                let key = self.part.child.is_some_and(|child| child.parent_key == new);
                let taken = key || self.part.columns().iter().flat_map(both).any(|known| known == new);
                if taken || renamed.values().any(|other| *other == new) {
                    self.say("rename", &format!("{old} cannot be called {new}: another column is"));
                }
                renamed.insert(old, new);
            }
        }
        renamed
    }
}
