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
mod tests {
    use super::*;
    use crate::declaration::Period;

    fn flatten(report: &str, sections: &'static [&'static str]) -> Result<Vec<String>, Error> {
        let (below, names): (&[&str], &[&str]) = (&["children"], &["description"]);
        let layout = Layout { key: None, sections, below, names, period: Period::Range, variants: &[] };
        super::flatten(report, &layout, &[])
    }

    /// The JSON text under `key`, which is there once.
    fn field<'r>(row: &'r str, key: &str) -> &'r str {
        let mut found = Vec::new();
        json::entries(row, |name, value| found.extend((name == key).then_some(value))).unwrap();
        let [value] = found[..] else { panic!("{key} is there {} times in {row}", found.len()) };
        value
    }

    #[test]
    fn each_line_of_the_tree_becomes_a_row_with_its_place() {
        let report = r#"{"currency_code":"CAD","download_token":"secret","income":[{"description":"Sales","total":
            {"amount":"12.00","code":"CAD"},"children":[{"description":"Goods","children":[]}]}],
            "net_profit":{"description":"Net","children":null},"gross_margin":null}"#;
        let rows = flatten(report, &["income", "gross_margin", "net_profit"]).unwrap();
        let places: Vec<_> =
            rows.iter().map(|r| (field(r, "line"), field(r, "path"), field(r, "depth"))).collect();
        assert_eq!(
            places,
            [
                (r#""income.0""#, r#""Sales""#, "0"),
                (r#""income.0.0""#, r#""Sales / Goods""#, "1"),
                (r#""net_profit""#, r#""Net""#, "0"),
            ]
        );
        assert!(rows.iter().all(|r| !r.contains("secret") && field(r, "currency_code") == r#""CAD""#));
    }

    #[test]
    fn numbers_keep_their_own_text() {
        let report = r#"{"rate":0.10,"income":[{"total":12345678901234567.89,"data":[1e2,-0]}]}"#;
        let [row] = &flatten(report, &["income"]).unwrap()[..] else { panic!() };
        assert_eq!(field(row, "total"), "12345678901234567.89");
        assert_eq!((field(row, "data"), field(row, "rate")), ("[1e2,-0]", "0.10"));
    }

    #[test]
    fn an_amount_reaches_its_column_exactly_and_a_hidden_key_reaches_extra() {
        use arrow_array::cast::AsArray;
        use arrow_array::types::Decimal128Type;

        let report = r#"{"currency_code":"CAD","start_date":"2026-01-01","end_date":"2026-12-31","cash_based":false,
            "income":[{"total":12345678901234567.89,"path":1.10},7.10]}"#;
        let rows = flatten(report, &["income"]).unwrap();
        let table = crate::find("report_profitloss_entity").unwrap();
        let mut decoder = crate::Decoder::new(table, crate::Context::default(), crate::RawText::Drop);
        decoder.rows(rows.iter().map(String::as_str), model::Timestamp::UNIX_EPOCH, &mut |_| {
            crate::Verdict::Write
        });
        assert_eq!(decoder.rejected(), []);
        let (_, batch) = decoder.take().unwrap().remove(0);
        let totals = batch.column_by_name("total").unwrap().as_primitive::<Decimal128Type>();
        assert_eq!(totals.value(0), 12_345_678_901_234_567_890_000_000_000);
        let extra = batch.column_by_name("_extra").unwrap().as_string::<i32>();
        assert_eq!([extra.value(0), extra.value(1)], [r#"{"node.path":1.10}"#, r#"{"node":7.10}"#]);
    }

    #[test]
    fn what_is_no_line_is_kept_as_one() {
        let report = r#"{"income":[7.10,{"children":{"a":1.50}},["x"]],"net_profit":"none"}"#;
        let rows = flatten(report, &["income", "net_profit"]).unwrap();
        let lines: Vec<_> = rows.iter().map(|row| field(row, "line")).collect();
        assert_eq!(lines, [r#""income.0""#, r#""income.1""#, r#""income.2""#, r#""net_profit""#]);
        assert_eq!(field(&rows[0], "node"), "7.10");
        assert_eq!(field(&rows[1], "children"), r#"{"a":1.50}"#);
        assert_eq!((field(&rows[2], "node"), field(&rows[3], "node")), (r#"["x"]"#, r#""none""#));
    }

    #[test]
    fn a_total_is_a_line_with_an_amount() {
        let report = r#"{"total":{"code":"CAD","amount":"1.50"},"totals":[{"amount":"2","code":null}]}"#;
        let rows = flatten(report, &["total", "totals"]).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (field(row, "line"), field(row, "amount"))).collect();
        let (one, other) = (r#"{"code":"CAD","amount":"1.50"}"#, r#"{"amount":"2","code":null}"#);
        assert_eq!(told, [(r#""total""#, one), (r#""totals.0""#, other)]);
    }

    #[test]
    fn a_report_of_another_shape_is_kept_whole() {
        let rows =
            flatten(r#"{"currency_code":"CAD","data":[1.10],"download_token":"t"}"#, &["income"]).unwrap();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let told = ["line", "currency_code", "data"].map(|key| field(row, key));
        assert_eq!(told, [r#""report""#, r#""CAD""#, "[1.10]"]);
        assert!(flatten("{}", &["income"]).unwrap().is_empty());
    }

    #[test]
    fn keys_of_freshbooks_are_never_overwritten() {
        let report = r#"{"line":"of the report","total":"all","income":
            [{"line":5.0,"depth":"deep","path":null,"section":[],"total":"one"}]}"#;
        let [row] = &flatten(report, &["income"]).unwrap()[..] else { panic!() };
        let told = ["line", "node.line", "report.line", "total", "report.total"].map(|key| field(row, key));
        assert_eq!(told, [r#""income.0""#, "5.0", r#""of the report""#, r#""one""#, r#""all""#]);
        let told = ["node.depth", "node.path", "node.section"].map(|key| field(row, key));
        assert_eq!(told, [r#""deep""#, "null", "[]"]);
    }

    #[test]
    fn what_is_there_twice_or_too_deep_is_no_report() {
        let fails = |report: &str| flatten(report, &["income"]).unwrap_err().to_string();
        assert_eq!(fails(r#"{"income":[{}],"income":[]}"#), "the report has income twice");
        let children = r#"{"income":[{"children":[{}],"children":[]}]}"#;
        assert_eq!(fails(children), "the line income.0 has children twice");
        let deep = format!(
            r#"{{"income":{}{}}}"#,
            r#"[{"children":"#.repeat(10_000),
            "[]".to_owned() + &"}]".repeat(10_000)
        );
        assert_eq!(fails(&deep), "the report has more than 64 levels");
    }

    #[test]
    fn lines_below_repeat_the_names_above_and_never_an_amount() {
        let layout = Layout {
            key: None,
            sections: &["items"],
            below: &["invoices", "taxes"],
            names: &["name", "invoice_number"],
            period: Period::Range,
            variants: &[],
        };
        let report = r#"{"end_date":null,"items":[{"name":"Advice","total":"9.00",
            "invoices":[{"invoice_number":"A-1"}],"taxes":[{"name":"HST"},null]}]}"#;
        let asked = [("start_date", "2026-01-01".to_owned()), ("end_date", "2026-01-31".to_owned())];
        let rows = super::flatten(report, &layout, &asked).unwrap();
        let told: Vec<_> =
            rows.iter().map(|row| ["line", "name", "path", "end_date"].map(|key| field(row, key))).collect();
        let day = r#""2026-01-31""#;
        assert_eq!(
            told,
            [
                [r#""items.0""#, r#""Advice""#, r#""Advice""#, day],
                [r#""items.0.invoices.0""#, r#""Advice""#, r#""Advice / A-1""#, day],
                [r#""items.0.taxes.0""#, r#""HST""#, r#""Advice / HST""#, day],
            ]
        );
        assert!(!rows[1].contains("9.00"));
    }
}
