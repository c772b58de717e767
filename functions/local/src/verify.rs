//! `freshlake verify`: whether the lake still is what was written.

use std::sync::Arc;

use host::Folder;
use lake::{Lake, Verified};
use model::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::cli;
use crate::grid::thousands;
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

/// Reads the lake back; the exit code is that of a lake that cannot be read if anything is wrong with it.
pub(crate) async fn run(arguments: &cli::Verify, settings: Settings, screen: &Screen) -> Result<u8> {
    let table = match &arguments.table {
        None => None,
        Some(name) => Some(tables::find(name).ok_or_else(|| sync::unknown_table(name))?.name),
    };
    if !settings.lake.exists() {
        let what = format!("there is no lake at {}", settings.lake.display());
        return Err(Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync"));
    }
    let folder = Folder::open(&settings.lake)?;
    let verified = Lake::new(Arc::new(folder), settings.database).verify(table).await?;
    if arguments.json {
        screen.out(format!("{:#}", as_json(&verified)));
    } else {
        for damage in &verified.damage {
            let what = format!("{} {}", damage.key, damage.what);
            screen.out(format!("{}; {}", Ink::Bad.on(screen.coloured, &what), damage.next));
        }
        screen.out(summary(&verified));
    }
    if verified.commits == 0 {
        screen.warn(format!("nothing of {} was ever committed", table.unwrap_or("any table")));
    }
    Ok(if verified.damage.is_empty() { 0 } else { ErrorKind::Storage.exit_code() })
}

fn summary(verified: &Verified) -> String {
    let count =
        |number: u64, one: &str| format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" });
    let Verified { files, commits, rows, damage, .. } = verified;
    let found = match damage.len() as u64 {
        0 => "no damage".to_owned(),
        1 => "1 damage".to_owned(),
        number => format!("{} damages", thousands(number)),
    };
    format!(
        "verified {}, {}, {}: {found}",
        count(*files, "file"),
        count(*commits, "commit"),
        count(*rows, "row")
    )
}

fn as_json(verified: &Verified) -> Value {
    let damage: Vec<Value> = verified
        .damage
        .iter()
        .map(|d| json!({"table": d.table, "key": d.key, "what": d.what, "next": d.next}))
        .collect();
    let Verified { files, commits, rows, bytes, .. } = verified;
    json!({"files": files, "commits": commits, "rows": rows, "bytes": bytes, "damage": damage})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line() {
        let verified = Verified { files: 123, commits: 45, rows: 678_901, ..Verified::default() };
        assert_eq!(summary(&verified), "verified 123 files, 45 commits, 678,901 rows: no damage");
        let one = Verified { files: 1, commits: 1, rows: 1, ..Verified::default() };
        assert_eq!(summary(&one), "verified 1 file, 1 commit, 1 row: no damage");
    }
}
