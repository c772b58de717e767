//! `freshlake sync`: what a schedule does on AWS, once, on this machine.

use ::sync::Firing;
use grants::Connection;
use host::{Folder, FolderLock, SystemClock};
use jiff::SignedDuration;
use model::port::Clock;
use model::{ConnectionName, Error, ErrorKind, Mode, Result, TableName, Timestamp};

use crate::cli;
use crate::connect::redirect_url;
use crate::engine::{Engine, Ran};
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::pull::wanted;
use crate::salt::salt;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::summary::worst;

/// A second run waits so long for a name of its own; where the clock was set back further, names run ahead of it.
const NEXT_NAME: SignedDuration = SignedDuration::from_secs(2);

pub(crate) const NOTICE: &str =
    "stopping; tables that are complete stay, the others come again (Ctrl-C again to stop at once)";

/// Runs the connections that were named, or all.
pub(crate) async fn run(arguments: cli::Sync, settings: Settings, screen: &Screen) -> Result<u8> {
    wanted(&arguments.tables)?;
    let settings = settings.paced(arguments.pace);
    if !settings.lake.exists() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("there is no lake at {}", settings.lake.display()),
        )
        .next("make a connection first: freshlake connect NAME"));
    }
    let machine = Machine::new(settings)?;
    let interrupt = Interrupt::listen(screen, NOTICE)?;
    let (_lock, scheduled_at) = begin(&machine.folder).await?;
    let names = match arguments.name {
        Some(name) => vec![name],
        None => Connection::list(&machine.folder).await?.into_iter().map(|c| c.name).collect(),
    };
    if names.is_empty() {
        return Err(Error::new(ErrorKind::Config, "there is no connection yet")
            .next("make one: freshlake connect NAME"));
    }
    let asked: Vec<TableName> = arguments.tables.into_iter().map(TableName).collect();
    let mode = if arguments.full { Mode::Full } else { Mode::Incremental };
    let firing = |name: &ConnectionName| {
        let chosen = machine.settings.connections.get(name).and_then(|chosen| chosen.tables.clone());
        let tables = if asked.is_empty() { chosen.unwrap_or_default() } else { asked.clone() };
        let accept_deletions = arguments.accept_deletions;
        let settings = machine.settings.tables.clone();
        Firing { scheduled_at, connection: Some(name.clone()), tables, mode, accept_deletions, settings }
    };
    let firings = names.iter().map(firing).collect();
    let broker = machine.broker(machine.app(redirect_url(0)?).await?);
    let engine = Engine::new(&machine, broker, &names, &interrupt, screen);
    let ran = engine.salted(salt(&machine.settings, true).await?).run(firings).await;
    Ok(report(&ran, !asked.is_empty(), screen))
}

/// Shows what a run came to; answers the exit code.
pub(crate) fn report(ran: &Ran, asked: bool, screen: &Screen) -> u8 {
    if !ran.summary.lines.is_empty() {
        ran.summary.print(screen);
    }
    ran.summary.explain(asked, screen);
    for error in &ran.failed {
        screen.error(error);
    }
    let failed = ran.failed.iter().map(|error| error.kind().exit_code());
    worst(failed.chain([ran.summary.exit_code(asked)]))
}

/// Takes the folder for a run, and tells when that was scheduled: now, by the local clock.
///
/// A run is named by its second, and a run of a known name counts as done. So each has a later second than the one before.
pub(crate) async fn begin(folder: &Folder) -> Result<(FolderLock, Timestamp)> {
    let mut lock = folder.lock()?;
    let next = lock.last_run().and_then(|last| Timestamp::from_second(last.as_second() + 1).ok());
    let wait = next.map_or(SignedDuration::ZERO, |next| next.duration_since(SystemClock.now()));
    if wait <= NEXT_NAME {
        SystemClock.sleep(wait.max(SignedDuration::ZERO).unsigned_abs()).await;
    }
    let now = SystemClock.now();
    let at = next.map_or(now, |next| now.max(next));
    lock.begin_run(at)?;
    Ok((lock, at))
}
