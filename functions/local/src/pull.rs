//! `freshlake pull`: tables to plain Parquet, once, with nothing kept beside the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freshbooks::{Business, Client, FixedToken, Identity, Request, Tokens};
use host::{HttpOptions, HttpTransport, OsRandom, SystemClock};
use lake::Lake;
use model::{
    AccountId, BusinessId, Error, ErrorKind, OtherIds, Result, TableName, TableSettings, TableStatus, Unit,
};
use sync::{Brake, Quiet, WINDOW_ROWS, Wanted, Worker};
use tables::{Owner, Table};

use crate::cli;
use crate::interrupt::Interrupt;
use crate::machine::named;
use crate::salt::salt;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::staging::Staging;
use crate::summary::{Line, State, Summary, between};

const NOTICE: &str = "stopping; nothing will be written (Ctrl-C again to stop at once)";

/// Pulls the tables one after another: memory then holds one table's pages, however many tables there are.
pub(crate) async fn run(arguments: cli::Pull, settings: Settings, screen: &Screen) -> Result<u8> {
    let settings = settings.paced(arguments.pace);
    let wanted = wanted(&arguments.tables)?;
    let token = settings.access_token.clone().ok_or_else(|| {
        Error::new(ErrorKind::Config, "FRESHBOOKS_ACCESS_TOKEN is not set").next(
            "set it to an access token; `freshlake connect` and `freshlake sync` keep one by themselves",
        )
    })?;
    let interrupt = Interrupt::listen(screen, NOTICE)?;
    let folders: Vec<String> = wanted.iter().flat_map(|table| folders(table)).collect();
    let staging = Staging::open(&arguments.out, &folders)?;
    let options = HttpOptions { idle_connections: settings.in_flight.into(), ..HttpOptions::default() };
    let worker = Worker {
        lake: Lake::new(staging.store(""), "pull"),
        api_url: settings.api_url.clone(),
        transport: Arc::new(HttpTransport::new(&options)?),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        budget: Arc::new(settings.budget()),
        in_flight: settings.in_flight.into(),
        window_rows: WINDOW_ROWS,
        reach: settings.reach,
        brake: Brake::default(),
        progress: Arc::new(Quiet),
        salt: salt(&settings, true).await?,
    };
    let mut pull = Pull {
        arguments: &arguments,
        settings: &settings.tables,
        worker,
        tokens: Arc::new(FixedToken(token)),
        identity: None,
        currencies: BTreeMap::new(),
        interrupt: &interrupt,
        staging: &staging,
        screen,
    };
    let outcome = pull.all(&wanted).await;
    let (summary, complete) = match outcome {
        Ok(done) => done,
        Err(error) => {
            drop(staging);
            screen.note(format!("nothing in {} was changed", arguments.out.display()));
            return Err(error);
        }
    };
    staging.place(&complete.iter().flat_map(|table| self::folders(table)).collect::<Vec<_>>())?;
    summary.print(screen);
    summary.explain(false, screen);
    Ok(summary.exit_code(false))
}

/// Everything a pull of `table` may replace.
fn folders(table: &Table) -> impl Iterator<Item = String> {
    table.lake_names().map(str::to_owned).chain([format!("rejected/{}", table.name)])
}

/// The tables that were named, parents in place of their children; all that are read unasked if none was.
pub(crate) fn wanted(named: &[String]) -> Result<Vec<&'static Table>> {
    if named.is_empty() {
        return Ok(tables::ALL.iter().copied().filter(|table| !table.on_request).collect());
    }
    let mut wanted: Vec<&'static Table> = Vec::new();
    for name in named {
        let table = tables::find(name).ok_or_else(|| sync::unknown_table(name))?;
        if !wanted.iter().any(|known| known.name == table.name) {
            wanted.push(table);
        }
    }
    Ok(wanted)
}

struct Pull<'p> {
    arguments: &'p cli::Pull,
    settings: &'p BTreeMap<TableName, TableSettings>,
    worker: Worker,
    tokens: Arc<dyn Tokens>,
    identity: Option<Identity>,
    /// By account: the currencies of what was pulled so far.
    currencies: BTreeMap<AccountId, BTreeSet<String>>,
    interrupt: &'p Interrupt,
    staging: &'p Staging,
    screen: &'p Screen,
}

impl Pull<'_> {
    async fn all(&mut self, wanted: &[&'static Table]) -> Result<(Summary, Vec<&'static Table>)> {
        let started = self.worker.clock.now();
        if wanted.iter().any(|table| self.needs_identity(table)) {
            self.identity = Some(self.interrupt.bounds("users_me", self.who()).await?);
        }
        let mut summary = Summary::default();
        let mut complete = Vec::new();
        for table in wanted {
            let units = self.units(table)?;
            if units.is_empty() {
                self.screen.warn(format!("{} was left out: no business of this login has it", table.name));
                continue;
            }
            let before = summary.lines.len();
            for unit in units {
                let line = self.one(table, &unit).await?;
                self.screen.note(line.sentence());
                summary.lines.push(line);
            }
            let lines = summary.lines.get(before..).unwrap_or_default();
            if lines.iter().any(|line| line.certificate.is_some()) {
                complete.push(*table);
            }
        }
        summary.milliseconds = between(started, self.worker.clock.now());
        Ok((summary, complete))
    }

    async fn one(&mut self, table: &'static Table, unit: &Unit) -> Result<Line> {
        let of = unit_id(unit);
        let watch = Arc::new(self.screen.watch(&format!("{} {of}", table.name)));
        let worker = Worker { progress: watch, ..self.worker.clone() };
        let (store, stop) = (self.staging.store(table.name), self.interrupt.stop());
        let started = self.worker.clock.now();
        let tokens = Arc::clone(&self.tokens);
        let (ids, since) = (self.other_ids(unit), self.arguments.since);
        let account = match unit {
            Unit::Account(account) => Some(account.clone()),
            _ => ids.account_id.clone(),
        };
        let currencies = account.as_ref().and_then(|account| self.currencies.get(account));
        let currencies: Vec<String> = currencies.into_iter().flatten().cloned().collect();
        let settings = sync::settings_of(table, self.settings);
        let wanted = Wanted { table, unit, ids: &ids, since, currencies: &currencies, settings: &settings };
        // Boxed: what it holds over its waits is large.
        let pull = Box::pin(sync::pull(&worker, tokens, &wanted, &*store, stop));
        let pulled = self.interrupt.bounds(table.name, pull).await;
        let milliseconds = between(started, self.worker.clock.now());
        let asked = !self.arguments.tables.is_empty();
        let line = |state| Line {
            table: table.name.to_owned(),
            of: of.clone(),
            milliseconds,
            files: 0,
            bytes: 0,
            certificate: None,
            state,
        };
        match pulled {
            Ok(pulled) => {
                if let Some(account) = account {
                    self.currencies.entry(account).or_default().extend(pulled.currencies);
                }
                let state =
                    if pulled.certificate.status == TableStatus::Empty { State::Empty } else { State::Ok };
                Ok(Line {
                    files: pulled.files.len() as u64,
                    bytes: pulled.files.iter().map(|file| file.bytes).sum(),
                    certificate: Some(pulled.certificate),
                    ..line(state)
                })
            }
            Err(error) if !asked && error.kind() == ErrorKind::OutOfPlan => {
                Ok(line(State::Unavailable(TableStatus::OutOfPlan, error.to_string())))
            }
            Err(error) if !asked && error.kind() == ErrorKind::OutOfScope => {
                Ok(line(State::Unavailable(TableStatus::OutOfScope, error.to_string())))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.what_there_is(unit, error).await),
            Err(error) => Err(error),
        }
    }

    /// What else `unit` is called.
    fn other_ids(&self, unit: &Unit) -> OtherIds {
        let businesses = self.identity.iter().flat_map(|identity| &identity.businesses);
        let mut found = businesses.filter(|business| match unit {
            Unit::Identity(_) => false,
            Unit::Account(id) => business.account_id.as_ref() == Some(id),
            Unit::Business(id) => business.business_id == *id,
        });
        found.next().map(Business::other_ids).unwrap_or_default()
    }

    fn needs_identity(&self, table: &Table) -> bool {
        if ["{business_uuid}", "{system_id}"].iter().any(|id| table.path.contains(id)) {
            return true;
        }
        match table.family.owner() {
            Owner::Person => true,
            Owner::Account => self.arguments.account.is_none(),
            Owner::Business => self.arguments.business.is_none(),
        }
    }

    async fn who(&self) -> Result<Identity> {
        let table = tables::find("users_me")
            .ok_or_else(|| Error::new(ErrorKind::Internal, "there is no table users_me"))?;
        let worker = self.worker.clone();
        let (clock, random, budget) = (worker.clock, worker.random, worker.budget);
        let tokens = Arc::clone(&self.tokens);
        let client = Client::new(worker.api_url, worker.transport, clock, random, tokens, budget);
        let answer = client.fetch(&Request::new(table, &Unit::Identity(0))).await?;
        let row = answer.page.rows().next().unwrap_or_default();
        Identity::parse(format!("{{\"response\":{row}}}").as_bytes())
    }

    fn units(&self, table: &Table) -> Result<Vec<Unit>> {
        let all = self.identity.as_ref().map(|identity| identity.businesses.as_slice()).unwrap_or_default();
        let chosen = self.chosen(all)?;
        Ok(match (table.family.owner(), &self.arguments.account, self.arguments.business) {
            (Owner::Person, ..) => {
                self.identity.iter().map(|identity| Unit::Identity(identity.identity_id)).collect()
            }
            (Owner::Account, Some(account), _) => {
                vec![Unit::Account(AccountId(account.clone()))]
            }
            (Owner::Account, None, _) => {
                chosen.iter().filter_map(|b| b.account_id.clone()).map(Unit::Account).collect()
            }
            (_, _, Some(business)) => vec![Unit::Business(BusinessId(business))],
            (..) => chosen.iter().map(|b| Unit::Business(b.business_id)).collect(),
        })
    }

    /// Of the businesses of this login, those that were asked for. Where the login was not asked, nothing is checked.
    fn chosen<'b>(&self, all: &'b [Business]) -> Result<Vec<&'b Business>> {
        let (account, business) = (self.arguments.account.as_deref(), self.arguments.business);
        if self.identity.is_some() {
            let unknown = |what: String| {
                Error::new(ErrorKind::Config, format!("this login has no {what}")).next(these(all))
            };
            let has_account = |id: &str| all.iter().any(|b| b.account_id.as_ref().is_some_and(|a| a.0 == id));
            if let Some(id) = account.filter(|id| !has_account(id)) {
                return Err(unknown(format!("account {id}")));
            }
            if let Some(id) = business.filter(|id| !all.iter().any(|b| b.business_id.0 == *id)) {
                return Err(unknown(format!("business {id}")));
            }
        }
        let fits = |b: &&Business| {
            business.is_none_or(|id| b.business_id.0 == id)
                && account.is_none_or(|id| b.account_id.as_ref().is_some_and(|a| a.0 == id))
        };
        Ok(all.iter().filter(fits).collect())
    }

    /// The error for an id that FreshBooks does not know, with those it knows.
    async fn what_there_is(&self, unit: &Unit, error: Error) -> Error {
        if self.identity.is_some() {
            return error;
        }
        match self.interrupt.bounds("users_me", self.who()).await {
            Ok(identity) => {
                let what = format!("this token reaches no {unit}");
                Error::new(ErrorKind::NotFound, what)
                    .because(error.message())
                    .next(these(&identity.businesses))
            }
            Err(_) => error,
        }
    }
}

/// The businesses of a login, in words.
fn these(businesses: &[Business]) -> String {
    if businesses.is_empty() {
        return "this login belongs to no business: log in as someone who does".to_owned();
    }
    format!("choose one of these: {}", businesses.iter().map(named).collect::<Vec<_>>().join(", "))
}

/// The bare id of `unit`.
pub(crate) fn unit_id(unit: &Unit) -> String {
    match unit {
        Unit::Identity(id) => id.to_string(),
        Unit::Account(id) => id.to_string(),
        Unit::Business(id) => id.to_string(),
    }
}
