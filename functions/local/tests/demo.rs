//! The whole product at once, as a stranger sees it first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::{Ended, FRESHLAKE, cells, interrupt, web};
use tempfile::TempDir;

fn demo(folder: &TempDir, arguments: &[&str]) -> Ended {
    Command::new(FRESHLAKE).arg("demo").args(arguments).current_dir(folder.path()).output().unwrap().into()
}

fn parquet_files(folder: &TempDir) -> BTreeSet<String> {
    let found = Command::new("find")
        .arg(folder.path().join("freshlake-demo/lake"))
        .args(["-path", "*/raw/*", "-name", "*.parquet", "-o", "-path", "*/commits/*", "-name", "*.json"])
        .output()
        .unwrap();
    String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn number(cell: &str) -> u64 {
    if cell == "-" { 0 } else { cell.replace(',', "").parse().unwrap() }
}

/// Whether `cells` are a line of the summary about a table.
fn is_line(cells: &[&str]) -> bool {
    cells[0] != "table" && cells[5].ends_with(" s")
}

/// Rows of `table` in the demo's lake, as JSON, that are `wanted`.
fn rows(folder: &TempDir, table: &str, wanted: impl Fn(&str) -> bool) -> u64 {
    let show = ["--config", "freshlake-demo/freshlake.toml", "show", table, "--limit", "1000000"];
    let ended: Ended = Command::new(FRESHLAKE).args(show).current_dir(folder.path()).output().unwrap().into();
    ended.says(0, &[]);
    ended.out.lines().filter(|row| wanted(row)).count() as u64
}

fn rows_of_children(folder: &TempDir) -> u64 {
    let raw = std::fs::read_dir(folder.path().join("freshlake-demo/lake/raw")).unwrap();
    let names = raw.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let parents = parents();
    names.filter(|name| !parents.contains(name)).map(|child| rows(folder, &child, |_| true)).sum()
}

/// The tables that are not part of another one.
fn parents() -> BTreeSet<String> {
    let ended: Ended = Command::new(FRESHLAKE).args(["tables", "--format", "json"]).output().unwrap().into();
    let tables: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    tables.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_demo_copies_every_table_and_its_summary_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo(&folder, &[]);
    first.says(0, &[]);
    for step in [
        "1/4  a FreshBooks on http://127.0.0.1:",
        "2/4  connected",
        "3/4  copying 50 tables",
        "4/4  3 invoices",
    ] {
        assert!(first.out.contains(step), "{step} is not in {}", first.out);
    }
    assert!(first.out.lines().skip(2).take(104).all(|line| line.chars().count() <= 80), "{}", first.out);
    let lines: Vec<Vec<&str>> = first.out.lines().map(cells).filter(|cells| cells.len() == 7).collect();
    let lines: Vec<_> = lines.into_iter().filter(|cells| is_line(cells)).collect();
    let tables: BTreeSet<&str> = lines.iter().map(|cells| cells[0]).collect();
    assert_eq!(tables.len(), 50, "{tables:?}");
    assert!(lines.iter().all(|cells| cells[6] == "ok"), "{}", first.out);
    let total = first.out.lines().map(cells).find(|cells| cells.first() == Some(&"total")).unwrap();
    for (column, in_total) in [(2, 1), (3, 2), (4, 3)] {
        let sum: u64 = lines.iter().map(|cells| number(cells[column])).sum();
        assert_eq!(number(total[in_total]), sum, "column {column} of {}", first.out);
    }
    assert_eq!(first.line("invoices", "qX4mRt")[2..4], ["120", "-"]);
    let deleted: u64 = number(first.line("invoices", "qX4mRt")[4]);
    assert_eq!(
        rows(&folder, "invoices", |row| row.contains("qX4mRt") && row.contains(r#""_is_deleted":true"#)),
        deleted
    );
    let files = parquet_files(&folder);
    let written = files.iter().filter(|file| file.contains("/raw/")).count();
    let (parents, children) = (number(total[1]), rows_of_children(&folder));
    let totals = first.out.lines().find(|line| line.contains(" child rows, ")).unwrap();
    assert_eq!(number(totals.split(' ').next().unwrap()), children);
    assert!(totals.contains(&format!(" child rows, {written} files, ")), "{written} is not in {totals}");
    assert_eq!(tables.iter().map(|table| rows(&folder, table, |_| true)).sum::<u64>(), parents);
    assert!(first.out.contains("duckdb -c \"INSTALL iceberg; LOAD iceberg; SELECT "), "{}", first.out);
    assert!(first.out.contains("'freshlake-demo/lake/lake/freshbooks/invoices'"), "{}", first.out);

    // Another FreshBooks, on another port, with the same books.
    let second = demo(&folder, &[]);
    second.says(0, &[]);
    assert!(second.out.contains("\n99 unchanged\nnothing written, "), "{}", second.out);
    assert_eq!(parquet_files(&folder), files);
}

#[test]
fn a_demo_that_stays_up_can_be_clicked_and_synced() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(FRESHLAKE);
    command.args(["demo", "--serve", "--scale", "8"]).current_dir(folder.path()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let addresses: Vec<String> = lines
        .by_ref()
        .filter_map(|line| line.split_whitespace().last().map(str::to_owned))
        .filter(|word| word.starts_with("http"))
        .take(2)
        .collect();
    let page = web::get(&addresses[1], None);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Connect FreshBooks"), "{}", page.body);
    assert_eq!(web::get(&format!("{}/_simulator/", addresses[0]), None).status, 200);
    let sync = ["--config", "freshlake-demo/freshlake.toml", "sync", "--table", "taxes"];
    let ended: Ended = Command::new(FRESHLAKE).args(sync).current_dir(folder.path()).output().unwrap().into();
    ended.says(0, &[]);
    assert_eq!(ended.status("taxes", "qX4mRt"), "unchanged");
    interrupt(&process);
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_demo_keeps_to_its_own_folder_and_its_own_books() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/thesis.txt"), "x").unwrap();
    demo(&folder, &["--out", "mine"])
        .says(2, &["mine is not empty and not from a demo", "next: choose another --out"]);
    demo(&folder, &["--scale", "3", "--quiet"]).says(0, &[]);
    demo(&folder, &["--scale", "4"]).says(2, &["holds a demo with --seed 1 --scale 3"]);
}
