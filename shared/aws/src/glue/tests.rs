//! Every answer that Glue may give, by script.

use std::collections::BTreeMap;

use lake::glue::{GlueColumn, StoredAs};

use super::*;
use crate::stub::{Answer, Stub};

const STALE: &str = r#"{"__type":"ConcurrentModificationException","Message":"Update table failed"}"#;
const EXISTS: &str = r#"{"__type":"AlreadyExistsException","Message":"Table already exists."}"#;
const NONE: &str = r#"{"__type":"com.amazonaws.glue#EntityNotFoundException","Message":"no"}"#;
const DENIED: &str = r#"{"__type":"AccessDeniedException","Message":"no"}"#;
const THROTTLED: &str = r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#;
const BROKEN: &str = r#"{"__type":"InternalServiceException","Message":"no"}"#;
const SLOW: &str = r#"{"__type":"OperationTimeoutException","Message":"no"}"#;

fn table() -> GlueTable {
    let column = |name: &str, kind: &str| GlueColumn {
        name: name.to_owned(),
        kind: kind.to_owned(),
        doc: format!("the {name}"),
    };
    GlueTable {
        name: "clients".to_owned(),
        doc: "A client".to_owned(),
        location: "s3://b/lake/books/clients".to_owned(),
        stored_as: StoredAs::Iceberg,
        columns: vec![column("id", "bigint")],
        partition_keys: Vec::new(),
        parameters: BTreeMap::from([("table_type".to_owned(), "ICEBERG".to_owned())]),
    }
}

async fn update(script: impl IntoIterator<Item = Answer>) -> (Result<Registration>, Vec<String>) {
    let stub = Stub::new(script);
    let updated = GlueCatalog::new(&stub.config()).update("books", &table(), "7").await;
    (updated, stub.asked())
}

#[tokio::test]
async fn every_answer_to_an_update_is_judged() {
    use Answer::{Is, Lost};
    let (outcome, asked) = update([Is(200, "{}")]).await;
    assert_eq!(outcome.unwrap(), Registration::Done);
    let sent: serde_json::Value =
        serde_json::from_str(asked[0].strip_prefix("UpdateTable ").unwrap()).unwrap();
    assert_eq!((&sent["VersionId"], &sent["SkipArchive"]), (&"7".into(), &true.into()));
    assert_eq!(sent["TableInput"]["TableType"], "EXTERNAL_TABLE");
    assert_eq!(sent["TableInput"]["StorageDescriptor"]["Columns"][0]["Comment"], "the id");

    let (outcome, asked) = update([Is(400, STALE)]).await;
    assert_eq!(outcome.unwrap(), Registration::AnotherFirst);
    assert_eq!(asked.len(), 1, "a refusal is not sent again");

    let (outcome, asked) = update([Is(400, THROTTLED), Is(400, THROTTLED), Is(200, "{}")]).await;
    assert_eq!(outcome.unwrap(), Registration::Done);
    assert_eq!(asked.len(), 3);
    let (outcome, _) = update([Is(400, THROTTLED), Is(400, THROTTLED), Is(400, THROTTLED)]).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Storage, "refused each time: surely not done");

    // the first one took effect and its answer was lost: the second is refused by our own version
    let (outcome, _) = update([Lost, Is(400, STALE)]).await;
    assert_eq!(outcome.unwrap(), Registration::AnotherFirst);
    let (outcome, _) = update([Lost, Is(200, "{}")]).await;
    assert_eq!(outcome.unwrap(), Registration::Done);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_unknown() {
    use Answer::{Is, Lost};
    for script in [
        [Lost, Lost, Lost],
        [Is(500, BROKEN), Is(500, BROKEN), Is(500, BROKEN)],
        [Is(503, "<html>"), Is(400, SLOW), Is(503, "")],
        [Lost, Is(400, THROTTLED), Is(400, DENIED)],
    ] {
        let (outcome, asked) = update(script).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::CommitUnknown);
        assert_eq!(asked.len(), 3);
    }
}

#[tokio::test]
async fn a_table_is_created_once() {
    let create = async |script: Vec<Answer>| {
        let stub = Stub::new(script);
        GlueCatalog::new(&stub.config()).create("books", &table()).await
    };
    assert_eq!(create(vec![Answer::Is(200, "{}")]).await.unwrap(), Registration::Done);
    assert_eq!(create(vec![Answer::Is(400, EXISTS)]).await.unwrap(), Registration::AnotherFirst);
    let error = create(vec![Answer::Is(400, NONE)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("make the database"), "{error}");
}

#[tokio::test]
async fn a_table_is_read_or_not_there() {
    let get = async |status, body| {
        let stub = Stub::new([Answer::Is(status, body)]);
        GlueCatalog::new(&stub.config()).get("books", "clients").await
    };
    let body = r#"{"Table":{"Name":"clients","VersionId":"3","StorageDescriptor":{"Location":"s3://b/x"},
        "Parameters":{"metadata_location":"s3://b/x/m.json"},"CreateTime":1.5}}"#;
    let table = get(200, body).await.unwrap().unwrap();
    assert_eq!((table.version.as_str(), table.location.as_deref()), ("3", Some("s3://b/x")));
    assert_eq!(table.parameters["metadata_location"], "s3://b/x/m.json");
    assert_eq!(get(400, NONE).await.unwrap(), None);
    assert!(
        get(200, r#"{"Table":{"Name":"clients"}}"#).await.unwrap_err().to_string().contains("no version")
    );
}

#[tokio::test]
async fn a_denied_call_names_action_and_table() {
    let (outcome, asked) = update([Answer::Is(400, DENIED)]).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "glue:UpdateTable on books.clients is denied: AccessDeniedException: no; the role of this function lacks \
         glue:UpdateTable on it, or a policy of the resource forbids it"
    );
}
