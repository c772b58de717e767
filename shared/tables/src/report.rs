//! A report's tree to rows: one per line.

use serde_json::{Map, Value};

/// Flattens the object of a report: its own scalar keys are repeated on each line of its `sections`.
///
/// Reports are small, so a tree of values is affordable here.
pub fn flatten(report: &str, sections: &[&str]) -> Result<Vec<String>, serde_json::Error> {
    let mut report: Map<String, Value> = serde_json::from_str(report)?;
    // Opens the report's download page: not to be stored.
    report.remove("download_token");
    let trees: Vec<(&str, Value)> =
        sections.iter().filter_map(|name| Some((*name, report.remove(*name)?))).collect();
    let mut lines = Vec::new();
    for (section, tree) in trees {
        let mut walk = Walk { header: &report, section, lines: &mut lines };
        match tree {
            Value::Array(nodes) => {
                for (at, node) in nodes.into_iter().enumerate() {
                    walk.node(node, &format!("{section}.{at}"), "", 0);
                }
            }
            node => walk.node(node, section, "", 0),
        }
    }
    Ok(lines)
}

struct Walk<'w> {
    header: &'w Map<String, Value>,
    section: &'w str,
    lines: &'w mut Vec<String>,
}

impl Walk<'_> {
    fn node(&mut self, node: Value, line: &str, above: &str, depth: u32) {
        let Value::Object(mut node) = node else { return };
        let children = node.remove("children");
        let description = node.get("description").and_then(Value::as_str).unwrap_or_default();
        let path = if above.is_empty() { description.to_owned() } else { format!("{above} / {description}") };
        let mut row = self.header.clone();
        row.append(&mut node);
        row.insert("section".to_owned(), self.section.into());
        row.insert("line".to_owned(), line.into());
        row.insert("depth".to_owned(), depth.into());
        row.insert("path".to_owned(), path.clone().into());
        self.lines.push(Value::Object(row).to_string());
        if let Some(Value::Array(children)) = children {
            for (at, child) in children.into_iter().enumerate() {
                self.node(child, &format!("{line}.{at}"), &path, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_tree_becomes_a_row_with_its_place() {
        let report = r#"{"currency_code":"CAD","download_token":"secret","income":[{"description":"Sales","total":
            {"amount":"12.00","code":"CAD"},"children":[{"description":"Goods","children":[]}]}],
            "net_profit":{"description":"Net","children":[]}}"#;
        let rows = flatten(report, &["income", "net_profit"]).unwrap();
        let field = |row: &str, key: &str| serde_json::from_str::<Value>(row).unwrap()[key].to_string();
        let places: Vec<_> =
            rows.iter().map(|r| (field(r, "line"), field(r, "path"), field(r, "depth"))).collect();
        assert_eq!(
            places,
            [
                (r#""income.0""#.into(), r#""Sales""#.into(), "0".into()),
                (r#""income.0.0""#.into(), r#""Sales / Goods""#.into(), "1".into()),
                (r#""net_profit""#.into(), r#""Net""#.into(), "0".to_owned()),
            ]
        );
        assert!(rows.iter().all(|r| !r.contains("secret") && r.contains("CAD")));
    }
}
