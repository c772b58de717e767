//! What goes, and what stays.

use super::*;

#[tokio::test]
async fn old_snapshots_expire_two_weeks_after_they_were_replaced() {
    for mut world in World::both() {
        for (run, day) in [0, 1, 20, 21].into_iter().enumerate() {
            world.go_to(24 * day);
            world.commit(&format!("run{run}-invoices-ACM1"), &[1, 2]).await;
        }
        world.go_to(24 * 22);
        let runs = |world: &World| {
            let lake = world.lake.clone();
            async move { lake.runs(tables::find("invoices").unwrap()).await.unwrap() }
        };
        assert_eq!(runs(&world).await.len(), 4);
        let done = world.sweep(Upkeep::default()).await;
        // The first was replaced on day 1, the second on day 20; each is one of two tables.
        assert_eq!(done.expired, 2);
        let left = runs(&world).await;
        let ids: Vec<_> = left.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids, ["run3", "run2", "run1"]);
        let parent = &left[0].tables[0];
        assert_eq!((parent.table, parent.added, parent.removed, parent.rows), ("invoices", 2, 2, 2));
        let went = kinds(&done);
        assert!(went.contains(&Leftover::Data) && went.contains(&Leftover::Manifest), "{went:?}");
        assert!(!went.contains(&Leftover::Raw) && !went.contains(&Leftover::Commit), "{went:?}");
        // It goes on as ever, and the shortest keeping is what is spared anyhow.
        world.commit("run4-invoices-ACM1", &[3]).await;
        world.go_to(24 * 25);
        let upkeep = Upkeep { keep: SignedDuration::ZERO, ..Upkeep::default() };
        assert_eq!(world.sweep(upkeep).await.expired, 6, "all but the current ones");
        assert_eq!(runs(&world).await.len(), 1);
        world.commit("run5-invoices-ACM1", &[1]).await;
        world.is_whole().await;
    }
}

#[tokio::test]
async fn what_a_task_left_behind_goes_when_it_is_old_and_others_have_gone_on() {
    for mut world in World::both() {
        world.commit("run0-invoices-ACM1", &[1]).await;
        world.go_to(1);
        world.die("run1-invoices-ACM1", &[1, 2]).await;
        let left = world.store.keys();
        // Young: it may be about to swap.
        world.go_to(48);
        assert_eq!(world.sweep(Upkeep::default()).await.swept, []);
        assert_eq!(world.store.keys(), left);
        // Old, and of what has a number it may still be thought that somebody names it.
        world.go_to(50);
        let went = kinds(&world.sweep(Upkeep::default()).await);
        assert!(went.contains(&Leftover::Raw), "{went:?}");
        for never in [Leftover::Commit, Leftover::Pointer] {
            assert!(!went.contains(&never), "{went:?}");
        }
        if world.glue.is_none() {
            assert!(!went.contains(&Leftover::Version) && !went.contains(&Leftover::Manifest), "{went:?}");
        }
        // The next one takes those numbers; then no one can.
        world.commit("run2-invoices-ACM1", &[1, 3]).await;
        let went = kinds(&world.sweep(Upkeep::default()).await);
        assert!(went.contains(&Leftover::Version) && went.contains(&Leftover::Manifest), "{went:?}");
        assert!(went.contains(&Leftover::Commit), "{went:?}");
    }
}

#[tokio::test]
async fn the_same_task_never_finds_its_own_old_files() {
    for mut world in World::both() {
        world.commit("run0-invoices-ACM1", &[1]).await;
        world.go_to(1);
        world.die("run1-invoices-ACM1", &[1, 2]).await;
        let before = world.store.keys();
        world.go_to(60);
        let head = world.commit("run1-invoices-ACM1", &[1, 2]).await;
        let new: BTreeSet<_> = world.store.keys().difference(&before).cloned().collect();
        for kind in ["/data/", "/seen/", "raw/", "/commits/"] {
            assert!(new.iter().any(|key| key.contains(kind)), "{kind} in {new:?}");
        }
        assert!(new.contains(&head.seen) && head.files.iter().all(|file| new.contains(&file.key)));
        world.sweep(Upkeep::default()).await;
    }
}

#[tokio::test]
async fn versions_that_were_current_until_lately_stay_readable() {
    let mut world = World::pointer();
    world.commit("run0-invoices-ACM1", &[1]).await;
    // Thirty versions in one hour: most of them fall off the log.
    world.go_to(24 * 30);
    for run in 1..=30 {
        world.commit(&format!("run{run}-invoices-ACM1"), &[1]).await;
    }
    let before = world.store.keys();
    assert_eq!(world.sweep(Upkeep::default()).await.swept, []);
    assert_eq!(world.store.keys(), before);
    world.go_to(24 * 33);
    let went = kinds(&world.sweep(Upkeep::default()).await);
    assert_eq!(went, BTreeSet::from([Leftover::Version, Leftover::Seen]), "no snapshot is two weeks old");
}

#[tokio::test]
async fn old_pointers_go_from_the_first_one_on() {
    let mut world = World::pointer();
    for run in 0..6 {
        world.go_to(24 * run);
        world.commit(&format!("run{run}-invoices-ACM1"), &[1]).await;
    }
    world.go_to(24 * 6);
    let upkeep = Upkeep { keep: days(3), pointers: 2, ..Upkeep::default() };
    let told = invoices(world.maintain(upkeep).await);
    let pointers: Vec<_> = told.swept.iter().filter(|swept| swept.what == Leftover::Pointer).collect();
    assert_eq!(
        pointers.len(),
        4,
        "the last two stay, and all that are younger than three days: {pointers:?}"
    );
    let told = invoices(world.maintain(Upkeep { pointers: 1_000, ..upkeep }).await);
    assert!(!kinds(&told).contains(&Leftover::Pointer));
    let done = invoices(world.maintain(Upkeep { delete: true, ..upkeep }).await);
    assert!(kinds(&done).contains(&Leftover::Pointer));
    let number = world.lake.head("invoices", &world.unit).await.unwrap().unwrap().number;
    assert_eq!(number, 6);
    assert_eq!(world.commit("run6-invoices-ACM1", &[2]).await.number, 7);
}

#[tokio::test]
async fn a_swap_whose_answer_is_lost_is_looked_for() {
    for fate in [Fate::LostBefore, Fate::LostAfter] {
        for table in ["invoices", "invoice_lines"] {
            let mut world = World::glue();
            for day in [0, 1] {
                world.go_to(24 * day);
                world.commit(&format!("run{day}-invoices-ACM1"), &[1]).await;
            }
            world.go_to(24 * 20);
            world.glue.as_ref().unwrap().next_of(table, fate);
            let done = invoices(world.maintain(Upkeep { delete: true, ..Upkeep::default() }).await);
            assert!(done.stopped.is_none(), "{done:?}");
            assert_eq!(done.expired, 2, "{fate:?} of {table}");
            world.is_whole().await;
            assert_eq!(invoices(world.maintain(Upkeep::default()).await).expired, 0);
        }
    }
}

#[tokio::test]
async fn commits_that_were_pointers_keep_their_raw_rows() {
    let mut world = World::pointer();
    let first = world.commit("run0-invoices-ACM1", &[1]).await;
    // The same lake, as a version without current tables would have left it.
    let mut json: serde_json::Value = serde_json::from_slice(&first.to_json().unwrap()).unwrap();
    json["format"] = 1.into();
    for key in world.store.keys().iter().filter(|key| !key.starts_with("raw/") && !key.contains("/seen/")) {
        world.store.delete(key).await.unwrap();
    }
    let key = "lake/books/invoices/commits/account_id=ACM1/0000000001.json";
    world.store.put(key, json.to_string().into()).await.unwrap();
    world.go_to(24 * 30);
    let before = world.store.keys();
    assert_eq!(world.sweep(Upkeep::default()).await.swept, []);
    assert_eq!(world.store.keys(), before);
    // Behind a commit that tables show, they stay as well.
    let second = world.commit("run1-invoices-ACM1", &[2]).await;
    assert_eq!(second.number, 2);
    world.go_to(24 * 60);
    let went = kinds(&world.sweep(Upkeep::default()).await);
    assert!(!went.contains(&Leftover::Raw) && !went.contains(&Leftover::Commit), "{went:?}");
    assert_eq!(world.lake.commits("invoices", &world.unit).await.unwrap().len(), 2);
}
