//! A bucket in memory: one for all processes, strongly consistent.

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Error, ErrorKind, Result, Timestamp};

use crate::faults::{Point, Port};
use crate::ground::{Failed, Machine, lock};

/// The bucket, as one process reaches it.
#[derive(Debug)]
pub(crate) struct Bucket(pub(crate) Machine);

fn unknown(failed: Failed) -> Error {
    match failed {
        Failed::Before => unreadable(failed),
        Failed::Unknown => Error::new(ErrorKind::CommitUnknown, "the answer of the bucket was lost"),
    }
}

fn unreadable(_: Failed) -> Error {
    Error::new(ErrorKind::Storage, "the bucket does not answer")
}

fn point<'p>(verb: &'static str, of: &'p str) -> Point<'p> {
    Point { port: Port::Store, verb, of }
}

impl Bucket {
    /// The bucket has a clock of its own, which no machine's skew is in.
    fn touch(&self, key: &str) {
        let now = self.0.ground.handle.micros();
        lock(&self.0.ground.modified).insert(key.to_owned(), now);
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    fn uri(&self) -> String {
        "memory://bucket".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let ground = &self.0.ground;
        let effect = |_| {
            let mut objects = lock(&ground.objects);
            if objects.contains_key(key) {
                drop(objects);
                ground.trace.count("put refused");
                return Ok(Put::AlreadyThere);
            }
            objects.insert(key.to_owned(), body.clone());
            drop(objects);
            self.touch(key);
            if key.contains("/catalog/") {
                ground.judge_swap(key);
            }
            Ok(Put::Created)
        };
        self.0.call(point("put_if_absent", key), effect, unknown).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let effect = |_| {
            lock(&self.0.ground.objects).insert(key.to_owned(), body.clone());
            self.touch(key);
            Ok(())
        };
        self.0.call(point("put", key), effect, unknown).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let effect = |_| Ok(lock(&self.0.ground.objects).get(key).cloned());
        self.0.call(point("get", key), effect, unreadable).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let effect = |_| {
            let objects = lock(&self.0.ground.objects);
            let found = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
            let modified = lock(&self.0.ground.modified);
            let at = |key: &String| modified.get(key).copied().unwrap_or(i64::MAX);
            let at = |key: &String| Timestamp::from_microsecond(at(key)).unwrap_or(Timestamp::MAX);
            let info = |(key, body): (&String, &Bytes)| ObjectInfo {
                key: key.clone(),
                size: body.len() as u64,
                modified: at(key),
            };
            Ok(found.map(info).collect())
        };
        self.0.call(point("list", prefix), effect, unreadable).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let effect = |_| {
            lock(&self.0.ground.objects).remove(key);
            Ok(())
        };
        self.0.call(point("delete", key), effect, unreadable).await
    }
}
