//! `freshlake maintain`: what nothing needs any more is told, and goes where that is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use host::Folder;
use lake::{Lake, Leftover, Tended, Upkeep};
use model::{Error, ErrorKind, Result};

use crate::cli;
use crate::grid::{Grid, Side, bytes, thousands};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::summary::worst;

/// So many keys of strangers are told.
const MOST: usize = 5;

/// Tells what is no longer needed, or takes it away; the exit code is that of the worst that stopped it.
pub(crate) async fn run(arguments: &cli::Maintain, settings: Settings, screen: &Screen) -> Result<u8> {
    let table = match &arguments.table {
        None => None,
        Some(name) => Some(tables::find(name).ok_or_else(|| sync::unknown_table(name))?.name),
    };
    if !settings.lake.exists() {
        let what = format!("there is no lake at {}", settings.lake.display());
        return Err(Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync"));
    }
    let folder = Folder::open(&settings.lake)?;
    // It would be safe beside a run that takes less than two days; one on a machine that was asleep may take longer.
    let _lock = arguments.delete.then(|| folder.lock()).transpose()?;
    let upkeep = Upkeep { keep: arguments.keep, delete: arguments.delete, ..Upkeep::default() };
    let tended = Lake::new(Arc::new(folder), settings.database).maintain(table, upkeep).await?;
    for line in lines(&tended, arguments.delete) {
        screen.out(line);
    }
    for one in &tended {
        tell(one, screen);
    }
    let stopped = tended.iter().filter_map(|one| one.stopped.as_ref());
    let code = worst(stopped.map(|error| error.kind().exit_code()));
    let total: u64 = tended.iter().map(|one| one.expired + one.swept.len() as u64).sum();
    if total > 0 && !arguments.delete {
        let mut command = "freshlake maintain".to_owned();
        if let Some(table) = &arguments.table {
            command.extend([" ", table]);
        }
        if arguments.keep != Upkeep::default().keep {
            command.extend([" --keep ", &format!("{}h", arguments.keep.as_hours())]);
        }
        screen.out(format!("nothing was changed; to do it: {command} --delete"));
    }
    Ok(code)
}

/// What a person should look at.
fn tell(one: &Tended, screen: &Screen) {
    if let Some(error) = &one.stopped {
        screen.error(error);
    }
    if let Some(why) = &one.withheld {
        screen.warn(format!("raw files of {} stay: {why}", one.table));
    }
    if !one.strange.is_empty() {
        let more = one.strange.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let told: Vec<&str> = one.strange.iter().take(MOST).map(String::as_str).collect();
        screen.warn(format!("not written by freshlake, left alone: {}{more}", told.join(", ")));
    }
}

/// A line per table, a line per kind, and what they come to.
fn lines(tended: &[Tended], deleted: bool) -> Vec<String> {
    let mut grid = Grid::new(&[
        ("table", Side::Left),
        ("snapshots", Side::Right),
        ("objects", Side::Right),
        ("size", Side::Right),
    ]);
    let size = |one: &Tended| one.swept.iter().map(|swept| swept.bytes).sum::<u64>();
    let (mut snapshots, mut objects, mut total) = (0, 0, 0);
    let mut kinds: BTreeMap<Leftover, (u64, u64)> = BTreeMap::new();
    for one in tended {
        let count = one.swept.len() as u64;
        if one.expired + count == 0 {
            continue;
        }
        grid.row([one.table.to_owned(), number(one.expired), number(count), bytes(size(one))]);
        (snapshots, objects, total) = (snapshots + one.expired, objects + count, total + size(one));
        for swept in &one.swept {
            let (count, size) = kinds.entry(swept.what).or_default();
            (*count, *size) = (*count + 1, *size + swept.bytes);
        }
    }
    if snapshots + objects == 0 {
        return vec!["nothing to do: everything there is needed, or too young to tell".to_owned()];
    }
    grid.row(["total".to_owned(), number(snapshots), number(objects), bytes(total)]);
    let mut lines = grid.lines();
    let mut grid = Grid::new(&[("what", Side::Left), ("objects", Side::Right), ("size", Side::Right)]);
    for (what, (count, size)) in kinds {
        grid.row([what.to_string(), thousands(count), bytes(size)]);
    }
    lines.push(String::new());
    if objects > 0 {
        lines.extend(grid.lines());
        lines.push(String::new());
    }
    let (expire, go) = if deleted { ("expired", "deleted") } else { ("would expire", "would be deleted") };
    lines.push(format!(
        "{} {expire}, {} of {} {go}",
        count(snapshots, "snapshot"),
        count(objects, "object"),
        bytes(total)
    ));
    lines
}

fn number(number: u64) -> String {
    if number == 0 { "-".to_owned() } else { thousands(number) }
}

fn count(number: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use lake::Swept;

    use super::*;

    #[test]
    fn tables_and_kinds_are_told_with_what_they_come_to() {
        let swept = |what, bytes| Swept { key: "x".to_owned(), bytes, what };
        let mut one = tended("invoices");
        one.expired = 3;
        one.swept = vec![swept(Leftover::Data, 2_000), swept(Leftover::Data, 500), swept(Leftover::Raw, 40)];
        let told = lines(&[tended("clients"), one], false);
        assert_eq!(
            told,
            [
                "table     snapshots  objects    size",
                "invoices          3        3  2.5 kB",
                "total             3        3  2.5 kB",
                "",
                "what                       objects    size",
                "raw files of no commit           1    40 B",
                "data files of no snapshot        2  2.5 kB",
                "",
                "3 snapshots would expire, 3 objects of 2.5 kB would be deleted",
            ]
        );
        assert_eq!(lines(&[tended("clients")], true).len(), 1);
    }

    fn tended(table: &'static str) -> Tended {
        Tended { table, expired: 0, swept: Vec::new(), strange: Vec::new(), withheld: None, stopped: None }
    }
}
