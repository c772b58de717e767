//! A bucket as an [`ObjectStore`].

use std::fmt;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{ErrorKind, Result, Timestamp};

use crate::attempts::Attempts;
use crate::failure;

/// Pages of a listing, of 1,000 keys each. A prefix with more keys than this is a mistake in the layout.
const LIST_PAGES: usize = 1_000;

/// One bucket. Encryption is left to the bucket's default.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
}

impl S3Store {
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        let mut s3 = aws_sdk_s3::config::Builder::from(config);
        // An endpoint of one's own seldom has a host name per bucket.
        s3.set_force_path_style(Some(config.endpoint_url().is_some()));
        Self { client: Client::from_conf(s3.build()), bucket: bucket.to_owned() }
    }

    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Decides what a put without a clean answer came to. An object under the key settles it: whose it is, the
    /// caller reads. None under the key settles nothing, as a lost request may still arrive.
    async fn after_a_lost_answer(&self, key: &str, error: SdkError<PutObjectError>) -> Result<Put> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(Put::AlreadyThere),
            Err(_) => Err(unknown(self.url(key), error)),
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn uri(&self) -> String {
        format!("s3://{}", self.bucket)
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let attempts = Attempts::default();
        let put = self.client.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        let put = put.body(ByteStream::from(body)).customize().config_override(attempts.watched());
        match put.send().await {
            Ok(_) => Ok(Put::Created),
            Err(error) if failure::status(&error) == Some(412) => Ok(Put::AlreadyThere),
            Err(error) if attempts.one_was_lost() => self.after_a_lost_answer(key, error).await,
            Err(error) => Err(failure::storage("s3:PutObject", self.url(key), error)),
        }
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let attempts = Attempts::default();
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(body));
        match put.customize().config_override(attempts.watched()).send().await {
            Ok(_) => Ok(()),
            Err(error) if attempts.one_was_lost() => Err(unknown(self.url(key), error)),
            Err(error) => Err(failure::storage("s3:PutObject", self.url(key), error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if failure::has_code(&error, "NoSuchKey") => return Ok(None),
            Err(error) => return Err(failure::storage("s3:GetObject", self.url(key), error)),
        };
        let body = answer.body.collect().await.map_err(|e| {
            model::Error::new(ErrorKind::Storage, format!("{} broke off while it was read", self.url(key)))
                .because(e)
        })?;
        Ok(Some(body.into_bytes()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut objects = Vec::new();
        for _ in 0..LIST_PAGES {
            let Some(page) = pages.next().await else {
                // S3 answers in this order already; not every stand-in does.
                objects.sort_unstable_by(|a: &ObjectInfo, b| a.key.cmp(&b.key));
                return Ok(objects);
            };
            let page = page.map_err(|e| failure::storage("s3:ListBucket", self.url(prefix), e))?;
            objects.extend(page.contents.into_iter().flatten().filter_map(|object| {
                let size = u64::try_from(object.size.unwrap_or(0)).unwrap_or(0);
                // An object whose time is unknown is never old.
                let modified = object.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
                Some(ObjectInfo { key: object.key?, size, modified: modified.unwrap_or(Timestamp::MAX) })
            }));
        }
        Err(model::Error::new(
            ErrorKind::Storage,
            format!("more than a million objects under {}", self.url(prefix)),
        ))
    }

    async fn delete(&self, key: &str) -> Result<()> {
        match self.client.delete_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure::storage("s3:DeleteObject", self.url(key), error)),
        }
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

fn unknown(url: String, error: SdkError<PutObjectError>) -> model::Error {
    failure::of_kind(ErrorKind::CommitUnknown, "s3:PutObject", url, error)
        .next("the object may be there all the same: read it before anything is written again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{Answer, Stub};

    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    const EXISTS: &str = "<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>";
    const RACE: &str = "<Error><Code>ConditionalRequestConflict</Code><Message>no</Message></Error>";
    const BROKEN: &str = "<Error><Code>InternalError</Code><Message>no</Message></Error>";

    async fn put(script: impl IntoIterator<Item = Answer>) -> (Result<Put>, Vec<String>) {
        let stub = Stub::new(script);
        let put = S3Store::new(&stub.config(), "b").put_if_absent("k", Bytes::from_static(b"body")).await;
        (put, stub.asked())
    }

    #[tokio::test]
    async fn every_answer_to_a_conditional_put_is_judged() {
        use Answer::{Is, Lost};
        let put_line = "PUT /b/k?x-id=PutObject if-none-match:*".to_owned();

        let (outcome, asked) = put([Is(200, "")]).await;
        assert_eq!(outcome.unwrap(), Put::Created);
        assert_eq!(asked, std::slice::from_ref(&put_line));

        let (outcome, asked) = put([Is(412, EXISTS)]).await;
        assert_eq!(outcome.unwrap(), Put::AlreadyThere);
        assert_eq!(asked.len(), 1);

        // another put of the key was under way, and then was not
        let (outcome, asked) = put([Is(409, RACE), Is(200, "")]).await;
        assert_eq!(outcome.unwrap(), Put::Created);
        assert_eq!(asked, [put_line.clone(), put_line]);
        let (outcome, asked) = put([Is(409, RACE), Is(409, RACE), Is(409, RACE)]).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Storage, "refused each time: surely not done");
        assert_eq!(asked.len(), 3);

        // the first one was stored and its answer lost: the second is refused by our own object
        let (outcome, _) = put([Lost, Is(412, EXISTS)]).await;
        assert_eq!(outcome.unwrap(), Put::AlreadyThere);
        let (outcome, _) = put([Lost, Is(200, "")]).await;
        assert_eq!(outcome.unwrap(), Put::Created);
    }

    #[tokio::test]
    async fn a_lost_answer_is_looked_up_and_else_unknown() {
        use Answer::{Is, Lost};
        let (outcome, asked) = put([Lost, Lost, Lost, Is(200, "")]).await;
        assert_eq!(outcome.unwrap(), Put::AlreadyThere);
        assert_eq!(asked.last().unwrap(), "HEAD /b/k");
        for last in [Is(404, ""), Lost] {
            let (outcome, _) = put([Is(500, BROKEN), Is(500, BROKEN), Is(500, BROKEN), last]).await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::CommitUnknown);
        }
        // refused in the end, but an earlier try may have been stored
        let (outcome, _) = put([Lost, Is(403, DENIED), Is(404, "")]).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::CommitUnknown);
    }

    #[tokio::test]
    async fn a_denied_call_names_action_and_key() {
        let (outcome, asked) = put([Answer::Is(403, DENIED)]).await;
        let error = outcome.unwrap_err();
        assert_eq!(asked.len(), 1);
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(
            error.to_string(),
            "s3:PutObject on s3://b/k is denied: AccessDenied: no; the role of this function lacks s3:PutObject on it, \
             or a policy of the resource forbids it"
        );
    }

    #[tokio::test]
    async fn a_listing_goes_to_its_end_and_comes_sorted() {
        let page = |more: &str, keys: &[&str]| -> &'static str {
            let keys: Vec<_> = keys
                .iter()
                .map(|key| format!("<Contents><Key>{key}</Key><Size>3</Size></Contents>"))
                .collect();
            format!("<ListBucketResult>{more}{}</ListBucketResult>", keys.concat()).leak()
        };
        let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
        let first = page(more, &["a/2", "a/10"]);
        let last = page("<IsTruncated>false</IsTruncated>", &["a/1"]);
        let stub = Stub::new([Answer::Is(200, first), Answer::Is(200, last)]);
        let listed = S3Store::new(&stub.config(), "b").list("a/").await.unwrap();
        let keys: Vec<&str> = listed.iter().map(|o| o.key.as_str()).collect();
        assert_eq!(keys, ["a/1", "a/10", "a/2"]);
        assert_eq!(listed[0].size, 3);
        assert!(stub.asked()[1].contains("continuation-token=t"), "{:?}", stub.asked());
    }

    #[tokio::test]
    async fn what_is_not_there_is_none_and_a_missing_bucket_is_not() {
        let missing = "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>";
        let store = S3Store::new(&Stub::new([Answer::Is(404, missing)]).config(), "b");
        assert_eq!(store.get("k").await.unwrap(), None);
        let missing = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
        let store = S3Store::new(&Stub::new([Answer::Is(404, missing)]).config(), "b");
        assert!(store.get("k").await.unwrap_err().to_string().contains("NoSuchBucket"));
    }
}
