//! What every implementation of a port has to do: one suite per port, for any adapter's tests.
//!
//! Each suite needs an empty store and answers with the first broken promise. Nothing outside tests uses it.

use bytes::Bytes;
use futures::future::join_all;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::port::{ObjectStore, Put};
use model::{Error, ErrorKind, Result};
use secrecy::ExposeSecret;

fn must(holds: bool, promise: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Internal, format!("broken promise: {promise}"))) }
}

/// The promises of [`ObjectStore`].
pub async fn object_store(store: &dyn ObjectStore) -> Result<()> {
    let body = |text: &'static str| Bytes::from_static(text.as_bytes());

    must(store.get("a/none").await?.is_none(), "what is not there is None")?;
    must(store.list("").await?.is_empty(), "a new store lists nothing")?;
    store.delete("a/none").await?;

    must(store.put_if_absent("a/one", body("1")).await? == Put::Created, "a first put creates")?;
    must(store.put_if_absent("a/one", body("2")).await? == Put::AlreadyThere, "a second put does not")?;
    must(store.get("a/one").await? == Some(body("1")), "a put that came too late changes nothing")?;

    store.put("a/one", body("three")).await?;
    store.put("a/deep/er/two", Bytes::new()).await?;
    must(store.get("a/one").await? == Some(body("three")), "put replaces")?;
    must(store.get("a/deep/er/two").await? == Some(Bytes::new()), "an empty object is an object")?;

    for key in ["b", "a-b", "a/onetwo", "é=1/x y"] {
        store.put(key, body(key)).await?;
    }
    let keys = async |prefix| -> Result<Vec<String>> {
        Ok(store.list(prefix).await?.into_iter().map(|object| object.key).collect())
    };
    let all = ["a-b", "a/deep/er/two", "a/one", "a/onetwo", "b", "é=1/x y"];
    must(keys("").await? == all, "everything is listed, in the order of the keys")?;
    must(keys("a/one").await? == ["a/one", "a/onetwo"], "a prefix may end inside a name")?;
    must(keys("a/").await? == ["a/deep/er/two", "a/one", "a/onetwo"], "a prefix may be a folder")?;
    must(keys("a/deep/er/two").await? == ["a/deep/er/two"], "a prefix may be a key")?;
    must(keys("none/at/all").await?.is_empty(), "a prefix without objects lists nothing")?;
    must(store.list("a/one").await?.first().is_some_and(|one| one.size == 5), "sizes are in bytes")?;

    store.delete("a/one").await?;
    must(store.get("a/one").await?.is_none(), "what was deleted is gone")?;
    must(store.put_if_absent("a/one", body("4")).await? == Put::Created, "a deleted key is free")?;

    let racers = (0..8_u8).map(|n| store.put_if_absent("race", Bytes::from(vec![n; 1000])));
    let mut created = 0;
    for outcome in join_all(racers).await {
        created += usize::from(outcome? == Put::Created);
    }
    must(created == 1, "one of several puts at once creates")?;
    let winner = store.get("race").await?.unwrap_or_default();
    let whole = winner.len() == 1000 && winner.iter().all(|byte| Some(byte) == winner.first());
    must(whole, "an object is one writer's, and whole")
}

/// The promises of [`SecretStore`].
pub async fn secret_store(store: &dyn SecretStore) -> Result<()> {
    let name = "connections/contract";
    let id = |n: u8| VersionId(format!("contract-{n:032}"));
    let version = |n: u8, value: &str| SecretVersion { id: id(n), value: value.into() };
    let value = async |stage| -> Result<Option<String>> {
        let version = store.read(name, stage).await?;
        Ok(version.map(|version| version.value.expose_secret().to_owned()))
    };
    let is = |found: Option<String>, wanted: &str| found.as_deref() == Some(wanted);

    must(value(Stage::Current).await?.is_none(), "a secret that is not there is None")?;
    store.delete(name).await?;

    store.put_pending(name, &version(1, "one")).await?;
    must(value(Stage::Current).await?.is_none(), "a pending version is not current")?;
    must(is(value(Stage::Pending).await?, "one"), "a pending version can be read")?;
    must(store.make_current(name, &id(1), Some(&id(9))).await? == Moved::Lost, "a wrong `from` loses")?;
    must(store.make_current(name, &id(1), None).await? == Moved::Won, "the first version becomes current")?;
    must(is(value(Stage::Current).await?, "one"), "what became current is read")?;

    store.put_pending(name, &version(2, "two")).await?;
    store.put_pending(name, &version(2, "two")).await?;
    must(is(value(Stage::Current).await?, "one"), "a put does not move the current label")?;
    must(is(value(Stage::Pending).await?, "two"), "a repeated put changes nothing")?;
    must(
        store.put_pending(name, &version(2, "other")).await.is_err(),
        "an id with another value is refused",
    )?;
    store.put_pending(name, &version(3, "three")).await?;
    must(is(value(Stage::Pending).await?, "three"), "the pending label is on the newest version")?;

    must(store.make_current(name, &id(3), None).await? == Moved::Lost, "`from` none loses to a version")?;
    must(is(value(Stage::Current).await?, "one"), "a lost move changes nothing")?;
    must(store.make_current(name, &id(3), Some(&id(1))).await? == Moved::Won, "the right `from` wins")?;
    must(is(value(Stage::Current).await?, "three"), "a won move is seen by the next read")?;
    must(
        store.read(name, Stage::Current).await?.is_some_and(|now| now.id == id(3)),
        "a version is read with the id it was put with",
    )?;

    store.put_pending(name, &version(4, "four")).await?;
    let (four, three) = (id(4), id(3));
    let racers = (0..4).map(|_| store.make_current(name, &four, Some(&three)));
    let mut won = 0;
    for outcome in join_all(racers).await {
        won += usize::from(outcome? == Moved::Won);
    }
    // A store may tell someone who asks for what is already so that it is so.
    must(won >= 1, "one of several moves at once wins")?;
    must(is(value(Stage::Current).await?, "four"), "the winner's version is current")?;

    store.delete(name).await?;
    must(value(Stage::Current).await?.is_none(), "a deleted secret is gone")?;
    must(value(Stage::Pending).await?.is_none(), "with all its versions")?;
    store.put_pending(name, &version(5, "five")).await?;
    must(store.make_current(name, &id(5), None).await? == Moved::Won, "a deleted name can be used again")?;
    store.delete(name).await
}
