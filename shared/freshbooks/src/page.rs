//! The envelope of an answer: where its rows are and what it says of the other pages.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use tables::{Layout, Rows, Table, json, report};

use crate::trouble::{ApiError, Trouble};

/// One page of rows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    body: Bytes,
    rows: Vec<Range<usize>>,
    flattened: Vec<String>,
    /// The number of this page, as FreshBooks counts it.
    pub number: Option<u64>,
    /// How many pages there are; 0 for an empty list.
    pub pages: Option<u64>,
    /// How many rows a full page has, which may be fewer than were asked for; 0 in some empty lists.
    pub per_page: Option<u64>,
    /// How many rows FreshBooks says there are, which may count some that it does not show.
    pub total: Option<u64>,
}

impl Page {
    /// Finds the rows of `table` in `body`, the body of an answer with status 200; reads it to its end, so that a cut
    /// or garbled body never passes for a short one.
    pub fn parse(table: &Table, body: Bytes) -> Result<Self, Trouble> {
        Self::parse_asked(table, &[], body)
    }

    /// As [`parse`](Self::parse), for the answer to a request with these parameters: a report may not repeat them.
    pub fn parse_asked(
        table: &Table,
        parameters: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Self, Trouble> {
        let mut page = Self::default();
        let whole = body.clone();
        let text = std::str::from_utf8(&whole).map_err(|_| Trouble::not_json(&whole))?;
        if !text.trim_start().starts_with('{') {
            return Err(Trouble::not_json(&whole));
        }
        let envelope = table.family.envelope();
        let found = match table.rows {
            Rows::List { list, single } => page.list(text, envelope, list, single)?,
            Rows::Whole(list) => page.list(text, envelope, list, list)?,
            Rows::Object(key) => page.object(text, &[envelope, key.as_slice()].concat())?,
            Rows::Report(layout) => page.report(text, envelope, &layout, parameters)?,
        };
        if found {
            page.body = body;
            return Ok(page);
        }
        Err(ApiError::find(text)
            .map_or_else(|| Trouble::OtherShape(format!("it has no {}", table.name)), Trouble::Api))
    }

    /// The JSON text of each row, in order.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        // Checked when the page was parsed.
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        let listed = self.rows.iter().filter_map(move |range| text.get(range.clone()));
        listed.chain(self.flattened.iter().map(String::as_str))
    }

    /// How many rows the page has.
    pub fn len(&self) -> usize {
        self.rows.len() + self.flattened.len()
    }

    /// Whether the page has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last page: 1 where FreshBooks does not say.
    pub fn last(&self) -> u64 {
        self.pages.unwrap_or(1)
    }

    fn list(&mut self, text: &str, path: &[&str], list: &str, single: &str) -> Result<bool, Trouble> {
        let mut found = 0;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let walk = Walk { path, list, text, page: self, found: &mut found };
        match walk.deserialize(&mut deserializer).and_then(|()| deserializer.end()) {
            Ok(()) if found == 1 => return Ok(true),
            // The page knows the rows of one of them.
            Ok(()) if found > 1 => return Err(twice(list)),
            Err(e) if e.classify() != Category::Data => return Err(Trouble::Garbled(e.to_string())),
            _ => {}
        }
        // An answer about one object; a Node SDK test shows one under the list's own name.
        *self = Self::default();
        let Some(holder) = at(text, path)? else { return Ok(false) };
        let object = match at(holder, &[single])? {
            None => at(holder, &[list])?,
            some => some,
        };
        self.rows.extend(object.filter(|o| o.starts_with('{')).map(|o| range(text, o)));
        Ok(!self.rows.is_empty())
    }

    fn object(&mut self, text: &str, path: &[&str]) -> Result<bool, Trouble> {
        let object = at(text, path)?.filter(|o| o.starts_with('{'));
        // An error body has a `response` too.
        if let Some(object) = object
            && at(object, &["errors"])?.is_none()
        {
            self.rows.push(range(text, object));
        }
        Ok(!self.rows.is_empty())
    }

    fn report(
        &mut self,
        text: &str,
        envelope: &[&str],
        layout: &Layout,
        parameters: &[(&'static str, String)],
    ) -> Result<bool, Trouble> {
        let path = [envelope, layout.key.as_slice()].concat();
        let Some(report) = at(text, &path)?.filter(|report| report.starts_with('{')) else {
            return Ok(false);
        };
        // Any answer is an object; that with the sections is the report.
        if layout.key.is_none() {
            let mut told = false;
            json::entries(report, |key, _| told |= layout.sections.contains(&&*key))
                .map_err(|e| Trouble::Garbled(e.to_string()))?;
            if !told {
                return Ok(false);
            }
        }
        let flattened = report::flatten(report, layout, parameters);
        self.flattened = flattened.map_err(|e| Trouble::OtherShape(e.to_string()))?;
        Ok(true)
    }
}

/// An answer that says two things of one key: whichever was taken, the other would be lost.
fn twice(key: &str) -> Trouble {
    Trouble::OtherShape(format!("it has {key} twice"))
}

/// The text of the value at `path`, if all of it is there.
fn at<'a>(text: &'a str, path: &[&str]) -> Result<Option<&'a str>, Trouble> {
    let mut here = text;
    for step in path {
        let mut next = None;
        let mut again = false;
        if !here.trim_start().starts_with('{') {
            return Ok(None);
        }
        json::entries(here, |key, value| {
            if key == *step {
                again |= next.replace(value).is_some();
            }
        })
        .map_err(|e| Trouble::Garbled(e.to_string()))?;
        if again {
            return Err(twice(step));
        }
        let Some(found) = next else { return Ok(None) };
        here = found;
    }
    Ok(Some(here))
}

/// Where `part`, which is a part of `text`, begins and ends in it.
fn range(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

/// Walks down `path` to the object that holds the list, in one pass over the whole text.
struct Walk<'w, 'a> {
    path: &'w [&'w str],
    list: &'w str,
    text: &'a str,
    page: &'w mut Page,
    /// How many lists there are.
    found: &'w mut u32,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, list, text, page, found } = self;
        while let Some(key) = map.next_key::<std::borrow::Cow<'a, str>>()? {
            match path.split_first() {
                Some((step, path)) if key == *step => {
                    map.next_value_seed(Walk { path, list, text, page, found })?;
                }
                Some(_) => drop(map.next_value::<IgnoredAny>()?),
                None if key == list => {
                    page.rows = map.next_value_seed(Elements { text })?;
                    *found += 1;
                }
                None => match key.as_ref() {
                    "page" => page.number = number(map.next_value()?),
                    "pages" => page.pages = number(map.next_value()?),
                    "per_page" => page.per_page = number(map.next_value()?),
                    "total" => page.total = number(map.next_value()?),
                    "meta" => page.meta(map.next_value()?).map_err(A::Error::custom)?,
                    _ => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(())
    }
}

impl Page {
    /// The paging of the families that keep it in a block of its own.
    fn meta(&mut self, meta: &RawValue) -> Result<(), serde_json::Error> {
        json::entries(meta.get(), |key, value| {
            let number = value.trim_matches('"').parse().ok();
            match key.as_ref() {
                "page" => self.number = number,
                "pages" => self.pages = number,
                "per_page" => self.per_page = number,
                "total" => self.total = number,
                _ => {}
            }
        })
    }
}

/// A number, quoted or not.
fn number(value: &RawValue) -> Option<u64> {
    value.get().trim_matches('"').parse().ok()
}

/// Where each element of an array begins and ends.
struct Elements<'a> {
    text: &'a str,
}

impl<'a> DeserializeSeed<'a> for Elements<'a> {
    type Value = Vec<Range<usize>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Elements<'a> {
    type Value = Vec<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element::<&'a RawValue>()? {
            rows.push(range(self.text, row.get()));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(table: &str, body: &'static [u8]) -> Result<Page, Trouble> {
        Page::parse(tables::find(table).unwrap(), Bytes::from_static(body))
    }

    #[test]
    fn rows_are_found_in_every_family() {
        let flat =
            page("projects", br#"{"meta":{"total":3,"page":1,"pages":2},"projects":[{"id":1},{"id":2}]}"#)
                .unwrap();
        assert_eq!((flat.len(), flat.last(), flat.total), (2, 2, Some(3)));
        let me = page("users_me", br#"{"response":{"id":1,"identity_id":2}}"#).unwrap();
        assert_eq!(me.rows().collect::<Vec<_>>(), [r#"{"id":1,"identity_id":2}"#]);
        let one = page("invoices", br#"{"response":{"result":{"invoice":{"id":1}}}}"#).unwrap();
        assert_eq!(one.rows().collect::<Vec<_>>(), [r#"{"id":1}"#]);
        let named = page("credit_notes", br#"{"response":{"result":{"credit_notes":{"id":1}}}}"#).unwrap();
        assert_eq!(named.rows().collect::<Vec<_>>(), [r#"{"id":1}"#]);
        let empty = page(
            "taxes",
            br#"{"response":{"result":{"taxes":[],"page":1,"pages":0,"per_page":15,"total":0}}}"#,
        );
        assert_eq!(empty.unwrap().last(), 0);
    }

    #[test]
    fn every_family_tells_its_paging() {
        let told = |table, body| {
            let page = page(table, body).unwrap();
            (page.number, page.pages, page.per_page, page.total)
        };
        let all = (Some(2), Some(3), Some(15), Some(31));
        let accounting =
            br#"{"response":{"result":{"items":[],"page":2,"pages":3,"per_page":15,"total":31}}}"#;
        assert_eq!(told("items", accounting), all);
        let quoted =
            br#"{"response":{"result":{"page":"2","pages":"3","per_page":"15","total":"31","items":[]}}}"#;
        assert_eq!(told("items", quoted), all);
        let projects = br#"{"projects":[],"meta":{"page":2,"pages":3,"per_page":15,"total":31,"sort":[]}}"#;
        assert_eq!(told("projects", projects), all);
        let entries =
            br#"{"meta":{"pages":3,"per_page":15,"total":31,"page":2,"total_logged":9},"time_entries":[]}"#;
        assert_eq!(told("time_entries", entries), all);
        let services = br#"{"services":[],"meta":{"page":2,"pages":3,"per_page":"15","total":31}}"#;
        assert_eq!(told("services", services), all);
        assert_eq!(told("services", br#"{"services":[]}"#), (None, None, None, None));
    }

    #[test]
    fn rows_that_are_there_twice_are_no_page() {
        let trouble = |table, body: &'static [u8]| page(table, body).unwrap_err().to_string();
        let lists = br#"{"response":{"result":{"items":[{"id":1}],"items":[{"id":2}]}}}"#;
        assert_eq!(trouble("items", lists), "it has items twice");
        let results = br#"{"response":{"result":{"items":[{"id":1}]},"result":{"items":[]}}}"#;
        assert_eq!(trouble("items", results), "it has items twice");
        let one = br#"{"response":{"result":{"item":{"id":1},"item":{"id":2}}}}"#;
        assert_eq!(trouble("items", one), "it has item twice");
        assert_eq!(trouble("projects", br#"{"projects":[{"id":1}],"projects":7}"#), "it has projects twice");
        assert_eq!(
            trouble("users_me", br#"{"response":{"id":1},"response":{"id":2}}"#),
            "it has response twice"
        );
        let sections = br#"{"response":{"result":{"profitloss":{"income":[{}],"income":[]}}}}"#;
        assert_eq!(trouble("report_profitloss_entity", sections), "the report has income twice");
    }

    #[test]
    fn what_is_no_page_is_told_apart() {
        let trouble = |body: &'static [u8]| page("items", body).unwrap_err().to_string();
        let html = b"<!doctype html><title>Sorry</title>";
        assert_eq!(trouble(html), "it is HTML, not JSON: <!doctype html><title>Sorry</title>");
        assert!(
            trouble(br#"{"response":{"result":{"items":[{"id":1}"#)
                .starts_with("it breaks off or is garbled")
        );
        assert!(
            trouble(br#"{"response":{"result":{"items":[]}}}}"#).starts_with("it breaks off or is garbled")
        );
        assert_eq!(trouble(br#"{"projects":[]}"#), "it has no items");
        assert_eq!(trouble(br#"{"response":{"result":{"items":7}}}"#), "it has no items");
        assert_eq!(trouble(b""), "it is empty");
        let gated =
            br#"{"response":{"errors":[{"errno":12001,"message":"You do not have access to items."}]}}"#;
        assert_eq!(trouble(gated), "errno 12001: You do not have access to items.");
    }
}
