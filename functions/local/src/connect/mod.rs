//! `freshlake connect`: a person authorises freshlake, in the browser on this machine or on another one.

mod server;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use grants::{ConnectSite, Connection, Invite};
use host::{Folder, SystemClock};
use model::port::Clock;
use model::{ConnectionName, Error, ErrorKind, Result, Timestamp};
use tokio::sync::oneshot;
use url::Url;

use crate::cli;
use crate::interrupt::Interrupt;
use crate::machine::{Machine, named};
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

pub(crate) use server::SiteServer;
pub(crate) use visit::{leave, return_with};

/// A link works so long.
const LINK_LIVES: Duration = Duration::from_hours(1);

/// Serves the pages, or guides through pasting; ends when FreshBooks' answer is in.
pub(crate) async fn run(arguments: cli::Connect, settings: Settings, screen: &Screen) -> Result<u8> {
    let chosen = settings.connections.get(&arguments.name).and_then(|chosen| chosen.account.clone());
    let invite = invite(&arguments.name, arguments.account.or(chosen));
    let machine = Machine::new(settings)?;
    let interrupt = Interrupt::listen(screen, "")?;
    let app = machine.app(redirect_url(arguments.port)?).await?;
    if arguments.paste {
        let site = machine.site(app, site_url(arguments.port)?);
        interrupted_by(&interrupt, paste(&site, &invite, screen)).await?;
        machine.save_app(&site.app).await?;
    } else {
        let mut server = SiteServer::bind(arguments.port).await?;
        let url = server.url()?;
        let site = Arc::new(machine.site(app, url.clone()).at(url)?);
        server.serve(Arc::clone(&site));
        screen.note(format!(
            "{} has to be a redirect URL of your app on FreshBooks' developer page",
            site.app.redirect_url
        ));
        screen.note(
            "the browser will warn of this page's certificate: it was made just now, for this machine only",
        );
        screen.out(format!("open {}", Ink::Bold.on(screen.coloured, site.invite(&invite)?.as_str())));
        let ended = interrupted_by(&interrupt, server.ended()).await;
        server.stop().await;
        ended?;
        machine.save_app(&site.app).await?;
    }
    let businesses = businesses(&machine.folder, &arguments.name).await?;
    screen.out(format!("{} is connected: {businesses}", arguments.name));
    screen.note(format!("next: freshlake sync {}", arguments.name));
    Ok(0)
}

/// What the connection `name` reads, in words.
pub(crate) async fn businesses(folder: &Folder, name: &ConnectionName) -> Result<String> {
    let connection = Connection::load(folder, name).await?.ok_or_else(|| {
        Error::new(ErrorKind::Internal, format!("{name} was connected and has no settings"))
    })?;
    Ok(connection.businesses.iter().map(named).collect::<Vec<_>>().join(", "))
}

/// A link for `name` that starts to work now.
pub(crate) fn invite(name: &ConnectionName, account: Option<String>) -> Invite {
    let expires = SystemClock.now().checked_add(LINK_LIVES).unwrap_or(Timestamp::MAX);
    Invite { connection: name.clone(), account, expires }
}

/// Where FreshBooks sends the browser back to.
pub(crate) fn redirect_url(port: u16) -> Result<Url> {
    let join = |url: Url| url.join("/callback").ok();
    join(site_url(port)?).ok_or_else(|| Error::new(ErrorKind::Internal, "the callback has no address"))
}

/// Where the pages are.
pub(crate) fn site_url(port: u16) -> Result<Url> {
    Url::parse(&format!("https://localhost:{port}"))
        .map_err(|error| Error::new(ErrorKind::Internal, "the site has no address").because(error))
}

/// The person's browser is elsewhere: addresses are carried by hand.
async fn paste(site: &ConnectSite, invite: &Invite, screen: &Screen) -> Result<()> {
    let left = leave(site, invite).await?;
    screen.out(format!("open {}", Ink::Bold.on(screen.coloured, left.url.as_str())));
    screen.note(
        "allow access there, and the browser ends on an address that it cannot open: that is as it should be",
    );
    screen.note(format!("paste that whole address here; it starts with {}", site.app.redirect_url));
    let line = line_from_standard_input().await?;
    let back = Url::parse(line.trim()).ok().filter(|url| url.query().is_some()).ok_or_else(|| {
        Error::new(ErrorKind::Config, "that is not an address with a code in it")
            .next("start again, and paste the whole address from the address bar")
    })?;
    return_with(site, &left, &back).await
}

async fn line_from_standard_input() -> Result<String> {
    let (sender, receiver) = oneshot::channel();
    // A thread of its own: nothing waits for it when the program ends.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = sender.send(std::io::stdin().read_line(&mut line).map(|_| line));
    });
    let failed = || Error::new(ErrorKind::Config, "no address came on standard input");
    receiver.await.map_err(|_| failed())?.map_err(|error| failed().because(error))
}

async fn interrupted_by<T>(interrupt: &Interrupt, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = interrupt.asked() => {
            Err(Error::new(ErrorKind::Interrupted, "stopped before FreshBooks had answered")
                .next("start again: nothing was saved"))
        }
    }
}
