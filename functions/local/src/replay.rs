//! `freshlake replay`: current tables rebuilt from the raw rows, without asking FreshBooks.

use std::sync::Arc;

use host::{Folder, SystemClock};
use lake::{Lake, Replayed, Untyped};
use model::port::Clock;
use model::{Error, ErrorKind, Result};

use secrecy::ExposeSecret;
use tables::Rules;

use crate::cli;
use crate::grid::thousands;
use crate::salt::salt;
use crate::screen::Screen;
use crate::settings::Settings;

/// The exit code where rows could not be typed.
const UNTYPED: u8 = 3;

/// Rebuilds a table and its children.
pub(crate) async fn run(arguments: &cli::Replay, settings: Settings, screen: &Screen) -> Result<u8> {
    let table = tables::find(&arguments.table).ok_or_else(|| sync::unknown_table(&arguments.table))?;
    if !settings.lake.exists() {
        let what = format!("there is no lake at {}", settings.lake.display());
        return Err(Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync"));
    }
    let folder = Folder::open(&settings.lake)?;
    let _lock = folder.lock()?;
    let salt = salt(&settings, true).await?;
    let set = sync::settings_of(table, &settings.tables);
    let rules = Rules::new(table, &set, salt.as_ref().map(ExposeSecret::expose_secret))
        .map_err(|problems| sync::wrong_settings(&problems))?;
    let lake = Lake::new(Arc::new(folder), settings.database).under(settings.contract);
    let lake = match rules {
        Some(rules) => lake.obeying(rules),
        None => lake,
    };
    let replayed = lake.replay_from(table, arguments.from, SystemClock.now()).await?;
    if replayed.is_empty() {
        screen.warn(format!("nothing of {} was ever committed", table.name));
    }
    let mut code = 0;
    for Replayed { unit, commits, files, untyped } in replayed {
        let (commits, files) = (thousands(commits), thousands(files));
        screen.out(format!("{} of {unit}: rebuilt from {files} raw files of {commits} commits", table.name));
        for Untyped { table, rows, first } in untyped {
            code = UNTYPED;
            let rows = thousands(rows);
            screen.warn(format!(
                "{table} of {unit}: {rows} rows stay as they were typed when they came ({first})"
            ));
        }
    }
    Ok(code)
}
