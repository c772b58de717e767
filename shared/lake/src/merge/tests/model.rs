//! Random commits against a lake that is a map.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use tables::{Decoder, RawText, Verdict};

use super::super::arrivals::Burial;
use super::super::tombstone;
use super::{Lake, Limits, Page, shape, texts};

/// What became of one row, or of one row's array.
#[derive(Clone)]
struct Held {
    /// None where all that came is that it is gone.
    json: Option<String>,
    id: i64,
    commit: usize,
    page: usize,
    gone: Option<(usize, usize)>,
}

/// What the lake must hold.
#[derive(Default)]
struct Model {
    rows: BTreeMap<i64, Held>,
    arrays: BTreeMap<i64, Held>,
}

impl Model {
    fn apply(&mut self, commit: usize, pages: &[Page]) {
        for (page, what) in pages.iter().enumerate() {
            match what {
                Page::Cut => {}
                Page::Rows(rows) => {
                    for json in rows {
                        let id = json[6..].split(',').next().unwrap().parse().unwrap();
                        let held = Held { json: Some(json.clone()), id, commit, page, gone: None };
                        if json.contains(":[") {
                            self.arrays.insert(id, held.clone());
                        }
                        self.rows.insert(id, held);
                    }
                }
                Page::Gone(ids) => {
                    for id in ids {
                        let fresh = || Held { json: None, id: *id, commit, page, gone: None };
                        self.rows.entry(*id).or_insert_with(fresh).gone = Some((commit, page));
                        if let Some(array) = self.arrays.get_mut(id) {
                            array.gone = Some((commit, page));
                        }
                    }
                }
            }
        }
    }

    /// The rows of the table called `name`, as text, sorted.
    fn rows(&self, lake: &Lake, name: &str) -> Vec<String> {
        let held = if name == lake.table.name { &self.rows } else { &self.arrays };
        let mut all: Vec<String> = held.values().flat_map(|held| expected(lake, name, held)).collect();
        all.sort();
        all
    }
}

fn expected(lake: &Lake, name: &str, held: &Held) -> Vec<String> {
    let mut decoder = Decoder::new(lake.table, Lake::context(held.commit), RawText::Drop);
    let at = Lake::instant(held.commit, held.page);
    match &held.json {
        Some(json) => decoder.rows([json.as_str()], at, &mut |_| Verdict::Write),
        None => assert!(decoder.tombstone(&held.id.to_string(), at)),
    }
    let batches = decoder.take().unwrap();
    let Some((_, batch)) = batches.into_iter().find(|(table, _)| table.as_str() == name) else {
        return Vec::new();
    };
    let schema = shape(name).schema;
    let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).unwrap();
    let Some((commit, page)) = held.gone else { return texts(&batch) };
    let burial =
        Burial { run: Lake::context(commit).run_id, at: Lake::instant(commit, page).as_microsecond() };
    let all: Vec<_> = (0..batch.num_rows()).map(|row| (row, 0)).collect();
    texts(&tombstone::mark(&schema, batch, &all, &[burial]).unwrap())
}

fn row(rng: &mut fastrand::Rng, invoices: bool, id: i64) -> String {
    let text: String = (0..rng.usize(0..200)).map(|_| rng.alphanumeric()).collect();
    let line = |rng: &mut fastrand::Rng| {
        let id = ["null", "1", "2", "3"][rng.usize(0..4)];
        let name = if invoices { "lineid" } else { "id" };
        format!(r#"{{"{name}":{id},"name":"{}"}}"#, rng.alphanumeric())
    };
    let array = match rng.u32(0..8) {
        0 => String::new(),
        1 => "null".to_owned(),
        2 => "[]".to_owned(),
        _ => {
            let lines: Vec<String> = (0..rng.usize(1..5)).map(|_| line(rng)).collect();
            format!("[{}]", lines.join(","))
        }
    };
    let (name, note) = if invoices { ("lines", "notes") } else { ("services", "title") };
    let array = if array.is_empty() { array } else { format!(r#","{name}":{array}"#) };
    let state = if invoices { format!(r#","vis_state":{}"#, rng.u32(0..3)) } else { String::new() };
    format!(r#"{{"id":{id},"{note}":"{text}"{state}{array}}}"#)
}

fn pages(rng: &mut fastrand::Rng, invoices: bool, commit: i64) -> Vec<Page> {
    let mut pages = Vec::new();
    for _ in 0..rng.usize(1..6) {
        let newest = commit * 15 + 20;
        let id = |rng: &mut fastrand::Rng| rng.i64(0..newest) * 3 - 20;
        let count = rng.usize(0..60);
        let page = match rng.u32(0..6) {
            0 => Page::Cut,
            1 if !invoices => Page::Gone((0..count / 4).map(|_| id(rng)).collect()),
            _ => Page::Rows(
                (0..count)
                    .map(|_| {
                        let id = id(rng);
                        row(rng, invoices, id)
                    })
                    .collect(),
            ),
        };
        pages.push(page);
    }
    pages
}

/// Runs random commits; tells all bytes of the lake at the end.
async fn run(seed: u64, table: &str) -> Vec<bytes::Bytes> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let limits = Limits {
        file_bytes: [40 << 10, 96 << 10, 4 << 20][rng.usize(0..3)],
        delta_bytes: [1, 64 << 20][rng.usize(0..2)],
    };
    let mut lake = Lake::new(table, limits);
    let mut model = Model::default();
    for commit in 0..10 {
        let pages = pages(&mut rng, table == "invoices", commit);
        model.apply(lake.commits, &pages);
        lake.commit(&pages).await;
        for name in lake.table.lake_names() {
            let (is, should) = (lake.rows(name).await, model.rows(&lake, name));
            let wrong = is.iter().zip(&should).find(|(is, should)| is != should);
            assert!(
                is == should,
                "seed {seed}, commit {commit}, {name}: {} rows, not {}; {wrong:?}",
                is.len(),
                should.len()
            );
            let bytes: u64 = lake.live[name].iter().map(|file| file.bytes).sum();
            let most = bytes / (limits.file_bytes as u64 / 2) + 16;
            assert!(lake.live[name].len() as u64 <= most, "seed {seed}: {} files", lake.live[name].len());
        }
    }
    let mut bytes = Vec::new();
    for file in lake.live.values().flatten() {
        bytes.extend(super::ObjectStore::get(&lake.store, &file.key).await.unwrap());
    }
    bytes
}

#[tokio::test]
async fn random_commits_leave_what_a_map_would_hold() {
    for seed in 0..8 {
        run(seed, if seed % 2 == 0 { "projects" } else { "invoices" }).await;
    }
}

#[tokio::test]
async fn equal_commits_give_equal_bytes() {
    assert!(run(101, "projects").await == run(101, "projects").await);
}
