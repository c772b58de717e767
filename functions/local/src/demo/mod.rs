//! `freshlake demo`: everything at once, on a made-up FreshBooks.

mod browser;
mod folder;

use std::path::Path;
use std::sync::Arc;

use ::simulator::{Options, Simulator};
use ::sync::Firing;
use grants::ConnectSite;
use host::SystemClock;
use model::{ConnectionName, Error, ErrorKind, Mode, Result};
use url::Url;

use crate::connect::{self, SiteServer, leave, return_with};
use crate::engine::Engine;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::screen::{Ink, Screen};
use crate::settings::Settings;
use crate::{cli, show, simulator, sync};

const CONNECTION: &str = "demo";
/// Where `freshlake connect` serves its pages too.
const PORT: u16 = 8765;
const ROWS: usize = 3;
/// Wide enough for an invoice's amounts beside its days.
const WIDTH: usize = 110;

/// Runs the demo, and with `--serve` stays until Ctrl-C.
pub(crate) async fn run(arguments: &cli::Demo, screen: &Screen) -> Result<u8> {
    let notes = folder::open(&arguments.out, arguments.seed, arguments.scale)?;
    let interrupt = Interrupt::listen(screen, if arguments.serve { "" } else { sync::NOTICE })?;
    let freshbooks = Simulator::new(
        Options {
            seed: notes.seed,
            scale: notes.scale,
            data_until: Some(notes.data_until),
            ..Options::default()
        },
        Arc::new(SystemClock),
    );
    let server = simulator::serve(&freshbooks, 0).await?;
    screen.step(format!(
        "1/4  a FreshBooks on {}: made-up books, {} invoices (seed {})",
        server.url(),
        notes.scale,
        notes.seed
    ));

    let url = Url::parse(&server.url())
        .map_err(|error| Error::new(ErrorKind::Internal, "the simulator has no address").because(error))?;
    let machine = Machine::new(settings(&arguments.out, &url, &freshbooks)?)?;
    let (lock, scheduled_at) = sync::begin(&machine.folder).await?;
    let name = ConnectionName::new(CONNECTION)
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    let pages = if arguments.serve { Some(pages().await?) } else { None };
    let address = match &pages {
        Some(pages) => pages.url()?,
        None => connect::site_url(PORT)?,
    };
    let app = machine.app(connect::redirect_url(PORT)?).await?;
    let site = Arc::new(machine.site(app.clone(), address.clone()).at(address)?);
    interrupt.bounds("FreshBooks", authorise(&site, &machine, &name, screen)).await?;
    machine.save_app(&app).await?;

    let tables = ::tables::ALL.iter().filter(|table| !table.on_request).count();
    screen.step(format!("3/4  copying {tables} tables of each business into {}", arguments.out.display()));
    let firing = Firing {
        scheduled_at,
        connection: Some(name.clone()),
        tables: Vec::new(),
        mode: Mode::Incremental,
        accept_deletions: false,
        settings: std::collections::BTreeMap::new(),
    };
    let broker = machine.broker(app);
    let ran = Engine::new(&machine, broker, std::slice::from_ref(&name), &interrupt, screen)
        .run(vec![firing])
        .await;
    let code = sync::report(&ran, false, screen);
    if code == 0 {
        read_back(&machine, screen).await?;
    }
    // Other commands may work on the lake while the pages are up.
    drop(lock);
    if let Some(mut pages) = pages {
        pages.serve(Arc::clone(&site));
        screen.out("");
        screen.out("still up, until Ctrl-C:");
        screen.out(format!("  FreshBooks   {}", server.url()));
        screen.out(format!("  connect page {}", site.invite(&connect::invite(&name, None))?));
        screen.out("               (its certificate was made just now: the browser will warn)");
        interrupt.asked().await;
        pages.stop().await;
    }
    simulator::stop(server).await;
    Ok(code)
}

fn settings(out: &Path, url: &Url, freshbooks: &Simulator) -> Result<Settings> {
    // The environment may name a real FreshBooks; the demo never goes there.
    folder::write_settings(out, url.as_str())?;
    let mut settings = Settings::read(Some(&out.join(folder::SETTINGS)), |_| None)?;
    let (client_id, client_secret) = freshbooks.app();
    settings.client_id = Some(client_id);
    settings.client_secret = Some(client_secret.into());
    Ok(settings)
}

/// The port is as good as any other here: a made-up FreshBooks takes every redirect URL.
async fn pages() -> Result<SiteServer> {
    match SiteServer::bind(PORT).await {
        Ok(pages) => Ok(pages),
        Err(_) => SiteServer::bind(0).await,
    }
}

/// What a person does in the browser: opens the link, presses the button, allows access, comes back.
async fn authorise(
    site: &ConnectSite,
    machine: &Machine,
    name: &ConnectionName,
    screen: &Screen,
) -> Result<()> {
    let left = leave(site, &connect::invite(name, None)).await?;
    let back = browser::allow(&*machine.transport, &left.url).await?;
    return_with(site, &left, &back).await?;
    let businesses = connect::businesses(&machine.folder, name).await?;
    screen.step(format!("2/4  connected through its consent page: {businesses}"));
    Ok(())
}

/// Three invoices, from their Parquet files, and how to ask for more.
async fn read_back(machine: &Machine, screen: &Screen) -> Result<()> {
    let (folder, database) = (&machine.folder, &machine.settings.database);
    let batches = show::batches(folder, database, "invoices", ROWS).await?.unwrap_or_default();
    screen.step("");
    screen.step(format!("4/4  {ROWS} invoices, read back from their Parquet files"));
    for (at, line) in show::grid("invoices", &batches, WIDTH).lines().into_iter().enumerate() {
        screen.step(if at == 0 { Ink::Bold.on(screen.coloured, &line) } else { line });
    }
    screen.step("");
    screen.step("ask DuckDB:");
    screen.step(query(machine.folder.root(), database));
    Ok(())
}

/// The line for a shell.
fn query(lake: &Path, database: &str) -> String {
    let table = format!("{}/lake/{database}/invoices", lake.display()).replace('\'', "''");
    let sql = format!(
        "INSTALL iceberg; LOAD iceberg; \
         SELECT amount_code, count(*) AS invoices, sum(amount) AS total, sum(outstanding) AS outstanding \
         FROM iceberg_scan('{table}') WHERE NOT _is_deleted GROUP BY ALL ORDER BY ALL"
    );
    format!("duckdb -c {}", quoted(&sql))
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let special = |c: char| matches!(c, '"' | '\\' | '$' | '`');
    let inside = text.chars().fold(String::new(), |mut inside, c| {
        if special(c) {
            inside.push('\\');
        }
        inside.push(c);
        inside
    });
    format!("\"{inside}\"")
}
