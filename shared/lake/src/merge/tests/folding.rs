//! Few files, and few of them rewritten.

use std::collections::BTreeMap;

use super::{Lake, Limits, Page};

const LIMITS: Limits = Limits { file_bytes: 256 << 10, delta_bytes: 64 << 20 };

/// Projects with `ids`, in volume: about a kilobyte each.
fn page(ids: impl Iterator<Item = i64>, rng: &mut fastrand::Rng) -> Page {
    let row = |id| {
        let text: String = (0..900).map(|_| rng.alphanumeric()).collect();
        format!(r#"{{"id":{id},"title":"{text}","services":[]}}"#)
    };
    Page::Rows(ids.map(row).collect())
}

fn sizes(lake: &Lake) -> (u64, usize) {
    let files = &lake.live["projects"];
    (files.iter().map(|file| file.bytes).sum(), files.len())
}

fn most(bytes: u64) -> usize {
    usize::try_from(bytes / (LIMITS.file_bytes as u64 / 2)).unwrap() + 16
}

#[tokio::test]
async fn windows_of_newer_keys_are_rewritten_a_few_times_and_leave_few_files() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut lake = Lake::new("projects", LIMITS);
    let mut written = 0;
    for window in 0..150 {
        let did = lake.commit(&[page(window * 30..(window + 1) * 30, &mut rng)]).await;
        written += did["projects"].rows_written;
        let (bytes, files) = sizes(&lake);
        assert!(files <= most(bytes), "{files} files of {bytes} bytes");
    }
    assert!(written <= 4 * 4_500, "{written} rows written for 4500");
    assert_eq!(lake.rows("projects").await.len(), 4_500);
}

#[tokio::test]
async fn changes_rewrite_only_files_that_hold_their_keys() {
    let mut rng = fastrand::Rng::with_seed(2);
    let mut lake = Lake::new("projects", LIMITS);
    lake.commit(&[page(0..4_000, &mut rng)]).await;
    let before: BTreeMap<String, _> =
        lake.live["projects"].iter().map(|f| (f.key.clone(), (f.first.clone(), f.last.clone()))).collect();
    assert!(before.len() >= 12, "{} files", before.len());
    let did = lake.commit(&[page([10, 2_000, 3_990].into_iter(), &mut rng)]).await;
    assert_eq!(did["projects"].replaced.len(), 3);
    let files = &lake.live["projects"];
    assert_eq!(files.iter().filter(|file| before.contains_key(&file.key)).count(), before.len() - 3);
    let widest = files.iter().map(|file| match (&file.first, &file.last) {
        (Some(super::KeyPart::Int(first)), Some(super::KeyPart::Int(last))) => last - first,
        _ => 0,
    });
    assert!(widest.max().unwrap() < 600, "distant keys share a file");
    // Keys that are new do not touch a full file, even one in whose range they are.
    let did = lake.commit(&[page(10_000..10_001, &mut rng)]).await;
    assert!(did["projects"].replaced.len() <= 1, "{:?}", did["projects"]);
}

#[tokio::test]
async fn a_small_table_is_one_file() {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut lake = Lake::new("projects", Limits { file_bytes: 32 << 20, ..LIMITS });
    for commit in 0..10 {
        lake.commit(&[page((0..20).map(|at| at * 10 + commit), &mut rng)]).await;
        assert_eq!(lake.live["projects"].len(), 1);
    }
}

#[tokio::test]
async fn scattered_changes_leave_few_files_and_full_ones_stay_full() {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut lake = Lake::new("projects", LIMITS);
    for _ in 0..40 {
        let ids: Vec<i64> = (0..120).map(|_| rng.i64(0..100_000)).collect();
        lake.commit(&[page(ids.into_iter(), &mut rng)]).await;
        let (bytes, files) = sizes(&lake);
        assert!(files <= most(bytes), "{files} files of {bytes} bytes");
    }
}
