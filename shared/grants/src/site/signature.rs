//! Signed texts: what the site hands out and wants back unchanged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// What a signature is for, so that one kind of text never passes for another.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Invite,
    Cookie,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Invite => b"freshlake invite v1\0",
            Self::Cookie => b"freshlake cookie v1\0",
        }
    }
}

/// `base64url(json).base64url(hmac-sha256)`.
pub(super) fn seal(key: &SecretString, purpose: Purpose, value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value)
        .map_err(|_| Error::new(ErrorKind::Internal, "a value to sign could not be written as JSON"))?;
    let payload = URL_SAFE_NO_PAD.encode(json);
    let signature = URL_SAFE_NO_PAD.encode(mac(key, purpose, &payload)?.finalize().into_bytes());
    Ok(format!("{payload}.{signature}"))
}

/// The value of a sealed text, if this key signed it for this purpose.
pub(super) fn open<T: DeserializeOwned>(key: &SecretString, purpose: Purpose, sealed: &str) -> Option<T> {
    let (payload, signature) = sealed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    // Compares in constant time.
    mac(key, purpose, payload).ok()?.verify_slice(&signature).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn mac(key: &SecretString, purpose: Purpose, payload: &str) -> Result<Hmac<Sha256>> {
    // HMAC takes keys of any length, and guesses a short one in no time.
    let key = key.expose_secret().as_bytes();
    if key.len() < 32 {
        let message = "the signing key is shorter than 32 characters";
        return Err(Error::new(ErrorKind::Config, message).next("make one with `openssl rand -hex 32`"));
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Error::new(ErrorKind::Config, "the signing key cannot be used"))?;
    mac.update(purpose.label());
    mac.update(payload.as_bytes());
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SecretString {
        text.repeat(32).into()
    }

    #[test]
    fn only_the_same_key_purpose_and_text_open_a_seal() {
        let sealed = seal(&key("k"), Purpose::Invite, &["x"]).unwrap();
        assert_eq!(open::<Vec<String>>(&key("k"), Purpose::Invite, &sealed), Some(vec!["x".to_owned()]));
        assert!(open::<Vec<String>>(&key("j"), Purpose::Invite, &sealed).is_none());
        assert!(open::<Vec<String>>(&key("k"), Purpose::Cookie, &sealed).is_none());
        let (payload, signature) = sealed.split_once('.').unwrap();
        for forged in [
            payload.to_owned(),
            format!("{payload}."),
            format!(".{signature}"),
            format!("A{sealed}"),
            String::new(),
        ] {
            assert!(open::<Vec<String>>(&key("k"), Purpose::Invite, &forged).is_none(), "{forged}");
        }
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(seal(&"short".into(), Purpose::Cookie, &1).unwrap_err().kind(), ErrorKind::Config);
    }
}
