//! `freshlake replay`: current tables rebuilt from the raw rows, without asking FreshBooks.

use std::sync::Arc;

use host::{Folder, SystemClock};
use lake::{Lake, Replayed};
use model::port::Clock;
use model::{Error, ErrorKind, Result};

use crate::cli;
use crate::grid::thousands;
use crate::screen::Screen;
use crate::settings::Settings;

/// Rebuilds a table and its children.
pub(crate) async fn run(arguments: &cli::Replay, settings: Settings, screen: &Screen) -> Result<u8> {
    let table = tables::find(&arguments.table).ok_or_else(|| sync::unknown_table(&arguments.table))?;
    if !settings.lake.exists() {
        let what = format!("there is no lake at {}", settings.lake.display());
        return Err(Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync"));
    }
    let folder = Folder::open(&settings.lake)?;
    let _lock = folder.lock()?;
    let lake = Lake::new(Arc::new(folder), settings.database).under(settings.contract);
    let replayed = lake.replay(table, SystemClock.now()).await?;
    if replayed.is_empty() {
        screen.warn(format!("nothing of {} was ever committed", table.name));
    }
    for Replayed { unit, commits, files } in replayed {
        let (commits, files) = (thousands(commits), thousands(files));
        screen.out(format!("{} of {unit}: rebuilt from {files} raw files of {commits} commits", table.name));
    }
    Ok(0)
}
