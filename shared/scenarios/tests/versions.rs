//! REL-29: what an older version has written is read; what a newer one has written is refused with what to do about it, and
//! not a byte of it is changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod shelf;

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use grants::{App, Broker, Grant, SecretStore as _, SecretVersion, VersionId};
use host::{OsRandom, SecretsFile, SystemClock};
use http::{Request, Response};
use lake::{Published, Seen};
use model::port::{Clock as _, Transport, TransportError};
use model::{AccountId, ErrorKind, Mode, Result, Task, TaskId, Timestamp, Unit};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shelf::{Calm, Row, Shelf, Things, content, draft, put};

const HOME: &str = "lake/freshbooks/invoices";

fn unit() -> Unit {
    Unit::Account(AccountId("ACM".to_owned()))
}

async fn publish(shelf: &Shelf, glue: bool, name: &str) -> Result<Published> {
    let (lake, unit, task, seen) = (shelf.lake(glue), unit(), TaskId(name.to_owned()), Seen::default());
    let at: Timestamp = "2026-03-31T15:00:00Z".parse().unwrap();
    let base = lake.head("invoices", &unit).await?;
    let row = Row { key: 1, value: name.to_owned(), deleted: false, lines: vec![name.to_owned()] };
    let files = put(&lake, &unit, &task, at, &[row]).await?;
    lake.publish(base.as_ref(), draft(&unit, &task, at, files, &seen)).await
}

fn short(body: &[u8]) -> String {
    let number =
        Sha256::digest(body).iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:012x}")
}

/// Puts a JSON object under a name that ends in its digest.
fn put_named(things: &mut Things, stem: &str, end: &str, body: &Value) -> String {
    let body = body.to_string();
    let key = format!("{stem}-{}{end}", short(body.as_bytes()));
    things.objects.insert(key.clone(), body.into());
    key
}

/// The key of the metadata that Glue names, and what is in it.
fn metadata(things: &Things) -> Value {
    let location = things.entries["invoices"].1.parameters["metadata_location"].clone();
    serde_json::from_slice(&things.objects[location.strip_prefix("memory://bucket/").unwrap()]).unwrap()
}

fn set_metadata(things: &mut Things, metadata: &Value) {
    let key = put_named(things, &format!("{HOME}/metadata/00002"), ".metadata.json", metadata);
    let entry = &mut things.entries.get_mut("invoices").unwrap().1;
    entry.parameters.insert("metadata_location".to_owned(), format!("memory://bucket/{key}"));
}

/// The last commit with changes, as the one that the table shows.
fn set_commit(things: &mut Things, change: impl FnOnce(&mut Value)) {
    let prefix = format!("{HOME}/commits/account_id=ACM/");
    let last = things.objects.keys().rfind(|key| key.starts_with(&prefix)).unwrap().clone();
    let mut commit: Value = serde_json::from_slice(&things.objects[&last]).unwrap();
    change(&mut commit);
    let key = put_named(things, &format!("{prefix}0000000001"), ".json", &commit);
    let entry = key.strip_prefix(&prefix).unwrap().strip_suffix(".json").unwrap();
    let mut metadata = metadata(things);
    metadata["properties"]["freshlake.units"] = json!({"account_id=ACM": entry}).to_string().into();
    set_metadata(things, &metadata);
}

type Edit = fn(&mut Things);

/// What a newer version might have written: what it is, in which lake, and whether it is known to be newer or only as what
/// cannot be read.
const NEWER: [(&str, bool, bool, Edit); 6] = [
    ("a pointer", false, true, |things| {
        let body = br#"{"format":2,"whatever":[]}"#.as_slice();
        things.objects.insert(format!("{HOME}/catalog/0000000002.json"), body.into());
    }),
    ("an entry of the catalog", true, true, |things| {
        let entry = &mut things.entries.get_mut("invoices").unwrap().1;
        entry.parameters.insert("freshlake.format".to_owned(), "2".to_owned());
    }),
    ("a commit", true, true, |things| set_commit(things, |commit| commit["format"] = 3.into())),
    ("a commit of another shape", true, true, |things| {
        set_commit(things, |commit| *commit = json!({"format": 9, "state": {"of": "everything"}}));
    }),
    ("a table of a later Iceberg", true, false, |things| {
        let mut metadata = metadata(things);
        metadata["format-version"] = 4.into();
        set_metadata(things, &metadata);
    }),
    ("which commits a table shows", true, false, |things| {
        let mut metadata = metadata(things);
        metadata["properties"]["freshlake.units"] = r#"{"account_id=ACM":{"entry":"x","more":1}}"#.into();
        set_metadata(things, &metadata);
    }),
];

#[tokio::test]
async fn what_a_newer_version_has_written_is_refused_and_left_alone() {
    for (what, glue, known, edit) in NEWER {
        let shelf = Shelf { things: Arc::default(), weather: Arc::new(Calm) };
        assert!(matches!(publish(&shelf, glue, "a").await.unwrap(), Published::Won(_)));
        edit(&mut shelf.things.lock().unwrap());
        let before = shelf.things.lock().unwrap().clone();
        let lake = shelf.lake(glue);
        let refused = [
            lake.head("invoices", &unit()).await.map(drop),
            publish(&shelf, glue, "b").await.map(drop),
            lake.replay(tables::find("invoices").unwrap(), Timestamp::MAX).await.map(drop),
        ];
        for error in refused.map(|outcome| outcome.expect_err(what)) {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Storage, "{what}: {text}");
            if known {
                assert!(
                    text.contains("newer freshlake") && text.contains("install the newer"),
                    "{what}: {text}"
                );
            } else {
                assert!(text.contains("restore"), "{what}: {text}");
            }
        }
        let after = shelf.things.lock().unwrap();
        assert_eq!(after.objects, before.objects, "{what}");
        assert_eq!(after.entries, before.entries, "{what}");
    }
}

/// Commits of older versions lack what came later.
#[tokio::test]
async fn what_an_older_version_has_written_is_read_and_gone_on_from() {
    let later = ["mode", "done", "loading", "lists_all_states", "honours_updated", "access", "previous"];
    for without in later.map(|name| vec![name]).into_iter().chain([later.to_vec()]) {
        let shelf = Shelf { things: Arc::default(), weather: Arc::new(Calm) };
        assert!(matches!(publish(&shelf, true, "a").await.unwrap(), Published::Won(_)));
        set_commit(&mut shelf.things.lock().unwrap(), |commit| {
            let commit = commit.as_object_mut().unwrap();
            commit.retain(|name, _| !without.contains(&name.as_str()));
        });
        let head = shelf.lake(true).head("invoices", &unit()).await.unwrap().unwrap();
        assert_eq!((head.number, head.done, head.mode), (1, true, Mode::Incremental), "{without:?}");
        assert!(head.loading.is_none() && head.previous.is_none() && !head.fence);
        let Published::Won(commit) = publish(&shelf, true, "b").await.unwrap() else { panic!("{without:?}") };
        assert_eq!(commit.number, 2);
        let (shown, _) = content(&shelf.things.lock().unwrap(), true, "ACM");
        assert_eq!(shown[&1], ("b".to_owned(), false));
    }
}

#[test]
fn messages_of_other_versions_are_tasks_or_refused() {
    let task = Task::new(
        &model::ConnectionName::new("acme").unwrap(),
        &model::RunId("run".to_owned()),
        "invoices".into(),
        unit(),
        Mode::Full,
    );
    let now = serde_json::to_value(&task).unwrap();
    let mut older = now.clone();
    older.as_object_mut().unwrap().remove("accept_deletions").unwrap();
    assert_eq!(serde_json::from_value::<Task>(older).unwrap(), task);
    let mut newer = now.clone();
    newer["what_came_later"] = json!({"a": 1});
    assert_eq!(serde_json::from_value::<Task>(newer).unwrap(), task, "what it adds is none of ours");
    let mut newer = now;
    newer["mode"] = "sideways".into();
    assert!(serde_json::from_value::<Task>(newer).is_err(), "what is unknown is not guessed at");
}

/// Nobody may be asked.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Transport for Silent {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        panic!("{} was sent", request.uri())
    }
}

#[tokio::test]
async fn a_secret_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.json");
    let secrets = SecretsFile::new(&path);
    let connection = model::ConnectionName::new("acme").unwrap();
    let value = json!({
        "format": 1, "grant_id": "g", "generation": 3, "identity_id": 7, "redirect_url": "https://site.test",
        "access_token": "access-1", "refresh_token": "refresh-1", "created_at": SystemClock.now().as_second(),
        "expires_in": 60, "scope": "", "state": "ready",
    });
    let id = VersionId("0".repeat(32));
    let version = SecretVersion { id, value: value.to_string().into() };
    let name = grants::secret_name(&connection);
    secrets.put_pending(&name, &version).await.unwrap();
    secrets.make_current(&name, &version.id, None).await.unwrap();
    assert_eq!(Grant::from_version(&connection, &version).unwrap().generation, 3);
    // The file's own format stands with a blank, that of the value inside it without.
    let newer = fs::read_to_string(&path).unwrap().replace(r#"\"format\":1"#, r#"\"format\":2"#);
    assert_ne!(newer, fs::read_to_string(&path).unwrap());
    fs::write(&path, &newer).unwrap();
    let url = "https://auth.test".parse().unwrap();
    let app =
        App::new("id", "secret".into(), &url, url.clone(), "https://site.test/callback".parse().unwrap());
    let broker = Broker {
        app: app.unwrap(),
        secrets: Arc::new(secrets),
        transport: Arc::new(Silent),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    };
    let refused = [
        broker.access_token(&connection).await.map(drop),
        broker.refresh_if_due(&connection).await.map(drop),
        broker.ready(&connection).await.map(drop),
        broker.disconnect(&connection).await,
    ];
    for error in refused.map(|outcome| outcome.unwrap_err()) {
        let text = error.to_string();
        assert!(text.contains("format 2") && text.contains("deploy the version that wrote it"), "{text}");
        assert!(!text.contains("access-1") && !text.contains("refresh-1"), "{text}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}
