//! Secrets Manager as a [`SecretStore`].

use std::fmt;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::failure::{self, storage};

/// Secrets Manager makes the first version of a secret current by itself. So a secret starts with this one, which stands
/// for none: a grant that is only pending is not current, and the first move of the label is a compare-and-set too.
const NONE: &str = "freshlake-no-version-yet-00000000";
const READ: &str = "secretsmanager:GetSecretValue";
const PUT: &str = "secretsmanager:PutSecretValue";
const MOVE: &str = "secretsmanager:UpdateSecretVersionStage";

/// The secrets of one stack: those whose name starts with its prefix.
#[derive(Clone)]
pub struct SecretsManagerStore {
    client: Client,
    prefix: String,
    kms_key: Option<String>,
}

impl SecretsManagerStore {
    pub(crate) fn new(config: &SdkConfig, prefix: &str, kms_key: Option<String>) -> Self {
        Self { client: Client::new(config), prefix: prefix.to_owned(), kms_key }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Makes the secret; that somebody else just did is as good.
    async fn create(&self, full: &str) -> Result<()> {
        let create = self.client.create_secret().name(full).set_kms_key_id(self.kms_key.clone());
        let create = create.description("FreshBooks tokens, kept by freshlake");
        match create.client_request_token(NONE).secret_string("none yet").send().await {
            Ok(_) => Ok(()),
            Err(e) if failure::has_code(&e, "ResourceExistsException") => Ok(()),
            Err(e) => Err(storage("secretsmanager:CreateSecret", full, e)),
        }
    }
}

#[async_trait]
impl SecretStore for SecretsManagerStore {
    async fn read(&self, name: &str, stage: Stage) -> Result<Option<SecretVersion>> {
        let full = self.full(name);
        let answer =
            match self.client.get_secret_value().secret_id(&full).version_stage(label(stage)).send().await {
                Ok(answer) => answer,
                // One code for both: no such secret, and no version under the label.
                Err(e) if failure::has_code(&e, "ResourceNotFoundException") => return Ok(None),
                Err(e) => return Err(storage(READ, full, e)),
            };
        match (answer.version_id, answer.secret_string) {
            (Some(id), _) if id == NONE => Ok(None),
            (Some(id), Some(value)) => {
                Ok(Some(SecretVersion { id: VersionId(id), value: SecretString::from(value) }))
            }
            _ => Err(Error::new(
                ErrorKind::Storage,
                format!("the secret {full} holds bytes where text belongs"),
            )),
        }
    }

    async fn put_pending(&self, name: &str, version: &SecretVersion) -> Result<()> {
        let full = self.full(name);
        let put = || {
            // The token becomes the version's id, so that the SDK's retries and ours are recognised.
            self.client
                .put_secret_value()
                .secret_id(&full)
                .client_request_token(&version.id.0)
                .secret_string(version.value.expose_secret())
                .version_stages(label(Stage::Pending))
                .send()
        };
        let answer = match put().await {
            Err(e) if failure::has_code(&e, "ResourceNotFoundException") => {
                self.create(&full).await?;
                put().await
            }
            answer => answer,
        };
        answer.map(|_| ()).map_err(|e| storage(PUT, full, e))
    }

    async fn make_current(&self, name: &str, to: &VersionId, from: Option<&VersionId>) -> Result<Moved> {
        let full = self.full(name);
        let current = label(Stage::Current);
        let update = self.client.update_secret_version_stage().secret_id(&full).version_stage(current);
        let expected = from.map_or(NONE, |id| &id.0);
        let update = update.move_to_version_id(&to.0).remove_from_version_id(expected);
        let Err(error) = update.send().await else { return Ok(Moved::Won) };
        // The label is elsewhere, or `from` is no version (any more).
        let refused = ["InvalidParameterException", "ResourceNotFoundException"];
        if refused.iter().all(|code| !failure::has_code(&error, code)) {
            return Err(storage(MOVE, full, error));
        }
        // Either somebody else moved it, or we did and the answer was lost.
        match self.read(name, Stage::Current).await?.map(|version| version.id) {
            Some(now) if now == *to => Ok(Moved::Won),
            now if now.as_ref() != from => Ok(Moved::Lost),
            _ => Err(storage(MOVE, full, error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let full = self.full(name);
        // Without recovery: a name that waits for its deletion could not be connected again for a week.
        match self.client.delete_secret().secret_id(&full).force_delete_without_recovery(true).send().await {
            Ok(_) => Ok(()),
            Err(e) if failure::has_code(&e, "ResourceNotFoundException") => Ok(()),
            Err(e) => Err(storage("secretsmanager:DeleteSecret", full, e)),
        }
    }
}

impl fmt::Debug for SecretsManagerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Current => "AWSCURRENT",
        Stage::Pending => "FRESHLAKE_PENDING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{Answer, Stub};

    const NOT_THERE: &str = r#"{"__type":"ResourceNotFoundException","message":"no"}"#;
    const LABEL_ELSEWHERE: &str =
        r#"{"__type":"InvalidParameterException","message":"attached to another version"}"#;

    fn store(stub: &Stub) -> SecretsManagerStore {
        SecretsManagerStore::new(&stub.config(), "freshlake/books/", None)
    }

    fn version() -> SecretVersion {
        SecretVersion { id: VersionId("v2".repeat(16)), value: SecretString::from("hunter2") }
    }

    async fn make_current(script: impl IntoIterator<Item = Answer>) -> Result<Moved> {
        let from = VersionId("v1".repeat(16));
        store(&Stub::new(script)).make_current("connections/acme", &version().id, Some(&from)).await
    }

    fn current_is(id: &str) -> Answer {
        let id = id.repeat(16);
        Answer::Is(200, format!(r#"{{"VersionId":"{id}","SecretString":"x"}}"#).leak())
    }

    #[tokio::test]
    async fn a_label_that_moved_meanwhile_is_a_lost_race() {
        assert_eq!(make_current([Answer::Is(200, "{}")]).await.unwrap(), Moved::Won);
        let elsewhere = || Answer::Is(400, LABEL_ELSEWHERE);
        assert_eq!(make_current([elsewhere(), current_is("v3")]).await.unwrap(), Moved::Lost);
        // our own move, whose first answer was lost
        assert_eq!(make_current([Answer::Lost, elsewhere(), current_is("v2")]).await.unwrap(), Moved::Won);
        // nothing moved: the call was refused for another reason
        let error = make_current([elsewhere(), current_is("v1")]).await.unwrap_err();
        assert!(error.to_string().contains("UpdateSecretVersionStage on freshlake/books/connections/acme"));
    }

    #[tokio::test]
    async fn a_first_version_creates_its_secret() {
        let stub = Stub::new([Answer::Is(400, NOT_THERE), Answer::Is(200, "{}"), Answer::Is(200, "{}")]);
        store(&stub).put_pending("connections/acme", &version()).await.unwrap();
        let asked = stub.asked();
        let operations: Vec<&str> = asked.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(operations, ["PutSecretValue", "CreateSecret", "PutSecretValue"]);
        assert!(
            asked[1].contains(NONE) && !asked[1].contains("hunter2"),
            "the first version stands for none"
        );
        assert!(asked[2].contains("FRESHLAKE_PENDING") && asked[2].contains(&version().id.0));
    }

    #[tokio::test]
    async fn the_version_that_stands_for_none_is_none() {
        let body = format!(r#"{{"VersionId":"{NONE}","SecretString":"none yet"}}"#).leak();
        let stub = Stub::new([Answer::Is(200, body)]);
        assert!(store(&stub).read("connections/acme", Stage::Current).await.unwrap().is_none());
        let stub = Stub::new([Answer::Is(200, "{}")]);
        assert_eq!(
            store(&stub).make_current("connections/acme", &version().id, None).await.unwrap(),
            Moved::Won
        );
        assert!(stub.asked()[0].contains(NONE), "moved away from it: {:?}", stub.asked());
    }

    #[tokio::test]
    async fn no_secret_and_no_label_are_none() {
        let stub = Stub::new([Answer::Is(400, NOT_THERE)]);
        assert!(store(&stub).read("connections/acme", Stage::Pending).await.unwrap().is_none());
    }
}
