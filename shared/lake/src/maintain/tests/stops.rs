//! What stops an upkeep, or makes it leave things alone.

use super::*;

/// Commits on some days, and what a dead task left.
async fn old() -> World {
    let mut world = World::pointer();
    for day in [0, 1, 2] {
        world.go_to(24 * day);
        world.commit(&format!("run{day}-invoices-ACM1"), &[1]).await;
    }
    world.die("run3-invoices-ACM1", &[2]).await;
    world.go_to(24 * 30);
    world
}

const DELETE: Upkeep = Upkeep {
    keep: SignedDuration::from_hours(24 * 14),
    spare: SignedDuration::from_hours(48),
    pointers: 1_000,
    delete: true,
};

#[tokio::test]
async fn what_cannot_be_read_stops_it_before_anything_is_changed() {
    let world = old().await;
    let named = |part: &str, last: bool| {
        let keys = world.store.keys();
        let mut found = keys.into_iter().filter(|key| key.contains(part));
        if last { found.next_back().unwrap() } else { found.next().unwrap() }
    };
    let head = world.head().await.unwrap();
    let versions: Vec<String> =
        world.store.keys().into_iter().filter(|key| key.contains("invoices/metadata/00003-")).collect();
    let mut wrecked = vec![
        format!("lake/books/invoices/commits/account_id=ACM1/{}.json", head.previous.clone().unwrap()),
        named("/catalog/", true),
        named("/catalog/0000000002", true),
    ];
    wrecked.extend(versions.into_iter().filter(|key| key.contains("-list-") || key.contains("-files-")));
    assert_eq!(wrecked.len(), 5, "{wrecked:?}");
    for key in wrecked {
        let body = world.store.get(&key).await.unwrap().unwrap();
        for damaged in [None, Some("{}")] {
            match damaged {
                None => world.store.delete(&key).await.unwrap(),
                Some(body) => world.store.put(&key, body.into()).await.unwrap(),
            }
            // What a pointer behind the last one says is of no consequence.
            if damaged.is_some() && key.ends_with("0000000002.json") {
                continue;
            }
            let before = world.store.keys();
            let tended = invoices(world.maintain(DELETE).await);
            let error = tended.stopped.unwrap_or_else(|| panic!("{key} {damaged:?}: {:?}", tended.swept));
            assert!(error.next_step().is_some(), "{error}");
            assert!(error.to_string().starts_with("invoices: "), "{error}");
            assert_eq!((tended.expired, tended.swept), (0, Vec::new()), "{key}");
            assert_eq!(world.store.keys(), before, "{key}");
        }
        world.store.set(at(48));
        world.store.put(&key, body).await.unwrap();
        world.store.set(world.now);
    }
    let tended = invoices(world.maintain(DELETE).await);
    assert!(tended.stopped.is_none() && tended.expired == 4 && !tended.swept.is_empty(), "{tended:?}");
}

#[tokio::test]
async fn a_damaged_snapshot_that_is_to_expire_stops_nothing() {
    let world = old().await;
    let first = world.store.keys().into_iter().find(|key| key.contains("00001-") && key.contains("-list-"));
    world.store.put(&first.unwrap(), "no list".into()).await.unwrap();
    let tended = invoices(world.maintain(DELETE).await);
    assert!(tended.stopped.is_none() && tended.expired == 4, "{tended:?}");
    world.is_whole().await;
}

#[tokio::test]
async fn strangers_are_told_and_stay() {
    let world = old().await;
    let strange = [
        "lake/books/invoices/data/mine.parquet",
        "lake/books/invoices/notes.txt",
        "lake/books/readme.txt",
        "lake/books/somebodys/data/x.parquet",
        "raw/invoices/export.parquet",
        "raw/rejected/export.parquet",
    ];
    world.store.set(at(0));
    for key in strange {
        world.store.put(key, "mine".into()).await.unwrap();
    }
    world.store.set(world.now);
    let tended = world.maintain(DELETE).await;
    let told: BTreeSet<&str> = tended.iter().flat_map(|one| &one.strange).map(String::as_str).collect();
    assert_eq!(told, BTreeSet::from(strange));
    let left = world.store.keys();
    assert!(strange.iter().all(|key| left.contains(*key)));
}

#[tokio::test]
async fn raw_rows_that_others_may_name_stay() {
    let world = old().await;
    let rejected = "raw/rejected/account_id=ACM1/dt=2026-01-01/t-0000-0123456789ab.parquet";
    world.store.set(at(0));
    world.store.put(rejected, "x".into()).await.unwrap();
    // Another deployment in the same bucket.
    let commit = "lake/others/invoices/commits/account_id=ACM9/0000000001-0123456789ab.json";
    world.store.put(commit, "{}".into()).await.unwrap();
    world.store.set(world.now);
    let tended = world.maintain(DELETE).await;
    for one in tended.iter().filter(|one| ["invoices", "rejected"].contains(&one.table)) {
        assert_eq!(one.withheld.as_deref(), Some("commits of others.invoices may name them, too"));
        assert!(!kinds(one).contains(&Leftover::Raw), "{one:?}");
    }
    assert!(world.store.keys().contains(commit) && world.store.keys().contains(rejected));
    world.store.delete(commit).await.unwrap();
    // One table alone does not know whose the rejected rows are.
    let one = world.lake.maintain(Some("invoices"), DELETE).await.unwrap();
    assert!(one.len() == 1 && kinds(&one[0]).contains(&Leftover::Raw), "{one:?}");
    assert!(world.store.keys().contains(rejected));
    let tended = world.maintain(DELETE).await;
    assert!(kinds(tended.last().unwrap()).contains(&Leftover::Raw));
    assert!(!world.store.keys().contains(rejected));
}

#[tokio::test]
async fn rejected_rows_stay_where_some_commits_cannot_be_read() {
    let world = old().await;
    let rejected = "raw/rejected/account_id=ACM1/dt=2026-01-01/t-0000-0123456789ab.parquet";
    world.store.set(at(0));
    world.store.put(rejected, "x".into()).await.unwrap();
    world.store.set(world.now);
    let head = world.head().await.unwrap();
    let commit = format!("lake/books/invoices/commits/account_id=ACM1/{}.json", head.previous.unwrap());
    world.store.delete(&commit).await.unwrap();
    let tended = world.maintain(DELETE).await;
    assert_eq!(tended.last().unwrap().withheld.as_deref(), Some("not all commits could be read"));
    assert!(world.store.keys().contains(rejected));
}

#[tokio::test]
async fn a_parent_that_was_dropped_from_the_catalog_stops_it() {
    let mut world = World::glue();
    for day in 0..8 {
        world.go_to(24 * day);
        world.commit(&format!("run{day}-invoices-ACM1"), &[1]).await;
    }
    world.go_to(24 * 30);
    world.glue.as_ref().unwrap().drop_table("invoices");
    let before = world.store.keys();
    let tended = invoices(world.maintain(DELETE).await);
    assert!(tended.stopped.unwrap().to_string().contains("shows only commit 0 of account_id=ACM1"));
    assert_eq!(world.store.keys(), before, "no commit is shown, and none is taken for one that lost");
}
