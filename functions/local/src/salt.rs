//! The salt of hashed columns: from the environment, or made once and kept with the other secrets.

use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use host::SecretsFile;
use model::{Error, ErrorKind, Result, TableSettings};
use secrecy::SecretString;

use crate::machine::random_text;
use crate::settings::Settings;

/// Its name in the secrets file.
const SALT: &str = "salt";

/// The salt, if there is one; where a column is to be hashed, one is made if it may be.
pub(crate) async fn salt(settings: &Settings, make: bool) -> Result<Option<SecretString>> {
    if settings.salt.is_some() {
        return Ok(settings.salt.clone());
    }
    let make = make && settings.tables.values().any(TableSettings::hashes);
    if !settings.secrets.exists() && !make {
        return Ok(None);
    }
    let secrets = SecretsFile::new(&settings.secrets);
    let saved = secrets.read(SALT, Stage::Current).await?;
    if saved.is_some() || !make {
        return Ok(saved.map(|version| version.value));
    }
    let version = SecretVersion { id: VersionId(random_text()), value: random_text().into() };
    secrets.put_pending(SALT, &version).await?;
    match secrets.make_current(SALT, &version.id, None).await? {
        Moved::Won => Ok(Some(version.value)),
        Moved::Lost => {
            Err(Error::new(ErrorKind::Conflict, "someone else saved a salt").next("run this command again"))
        }
    }
}
