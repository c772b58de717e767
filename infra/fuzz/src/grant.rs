//! The JSON that the secret store keeps of a grant.

use grants::{Grant, SecretVersion, VersionId};
use model::{ConnectionName, Timestamp};
use secrecy::ExposeSecret;

use crate::stage::{LoadedDice, NOW};

/// A grant; what was read once and written is read as the same, and no number in it makes its time overflow.
pub(crate) fn grant(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let name = ConnectionName::new("acme").unwrap();
    let version = SecretVersion { id: VersionId("1".to_owned()), value: text.to_owned().into() };
    let Ok(grant) = Grant::from_version(&name, &version) else { return };
    let written = grant.to_version(&LoadedDice).unwrap();
    let again = Grant::from_version(&name, &written).unwrap();
    let rewritten = again.to_version(&LoadedDice).unwrap();
    assert_eq!(written.value.expose_secret(), rewritten.value.expose_secret());
    let now = Timestamp::from_second(NOW).unwrap();
    assert_eq!(grant.is_alive(now), now < grant.expires_at());
    let _ = (grant.is_due(now), grant.is_urgent(now), grant.supersedes(&again));
    // Behind the last generation comes none, and nothing that asks for it: FreshBooks would have to live too long.
    if grant.generation == u64::MAX {
        return;
    }
    assert!(!grant.is_left_over_after(&again), "a grant was taken for its own successor");
}
