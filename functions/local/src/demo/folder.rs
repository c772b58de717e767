//! The folder of a demo: its lake, its settings, and what its books were made from.
//!
//! Every demo starts a new FreshBooks. The books are the same each time because they are made from the same notes.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::path::Path;

use host::SystemClock;
use jiff::{Timestamp, Unit};
use model::port::Clock;
use model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

pub(super) const SETTINGS: &str = "freshlake.toml";
const NOTES: &str = "demo.json";
/// What the books were made from, at the first run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Notes {
    pub(super) seed: u64,
    pub(super) scale: u64,
    pub(super) data_until: Timestamp,
}

/// The notes in `out`, which is made if it is not there. A folder of something else is left alone.
pub(super) fn open(out: &Path, seed: Option<u64>, scale: Option<u64>) -> Result<Notes> {
    let path = out.join(NOTES);
    match fs::read(&path) {
        Ok(text) => {
            let notes: Notes = serde_json::from_slice(&text).map_err(|error| {
                Error::new(ErrorKind::Config, format!("{} cannot be read", path.display()))
                    .because(error)
                    .next("choose another --out, or remove the folder")
            })?;
            let other = |given: Option<u64>, noted| given.is_some_and(|given| given != noted);
            if other(seed, notes.seed) || other(scale, notes.scale) {
                let (made, scale) = (notes.seed, notes.scale);
                let what = format!("{} holds a demo with --seed {made} --scale {scale}", out.display());
                return Err(Error::new(ErrorKind::Config, what).next("choose another --out for another demo"));
            }
            Ok(notes)
        }
        Err(error) if error.kind() == IoKind::NotFound => make(out, seed.unwrap_or(1), scale.unwrap_or(120)),
        Err(error) => Err(failed("read", &path, error)),
    }
}

fn make(out: &Path, seed: u64, scale: u64) -> Result<Notes> {
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{} is not empty and not from a demo", out.display()),
        )
        .next("choose another --out"));
    }
    fs::create_dir_all(out).map_err(|error| failed("make the folder", out, error))?;
    let now = SystemClock.now();
    let notes = Notes { seed, scale, data_until: now.round(Unit::Second).unwrap_or(now) };
    let text = serde_json::to_string(&notes)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot write the demo's notes").because(error))?;
    let path = out.join(NOTES);
    fs::write(&path, text).map_err(|error| failed("write", &path, error))?;
    Ok(notes)
}

/// Writes settings with which the other commands find the demo's lake, and its FreshBooks while that is up.
pub(super) fn write_settings(out: &Path, freshbooks: &str) -> Result<()> {
    let path = out.join(SETTINGS);
    let text = format!(
        "# Written anew by each `freshlake demo`; for the other commands:\n\
         # freshlake --config freshlake-demo/freshlake.toml show invoices\n\
         lake = \"lake\"\n\n\
         [freshbooks]\n# The made-up FreshBooks; it is only there while the demo runs (--serve keeps it up).\n\
         api_url = \"{freshbooks}\"\n"
    );
    fs::write(&path, text).map_err(|error| failed("write", &path, error))
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("cannot {what} {}", path.display())).because(error)
}
