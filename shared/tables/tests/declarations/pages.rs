//! Pages that are generated, and kept in the repository so that people can read them there.

use std::path::PathBuf;

/// That the page `name` beside the sources is `wanted`; writes it where `WRITE_PAGES` is set.
pub(crate) fn check(name: &str, wanted: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var("WRITE_PAGES").is_ok() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(wanted.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| found.lines().count().min(wanted.lines().count())) + 1;
    assert!(
        found == wanted,
        "{name} is not what the declarations say, from line {at} on: run `WRITE_PAGES=1 cargo test -p tables`"
    );
}
