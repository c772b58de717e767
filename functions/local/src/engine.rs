//! Dispatch and extract in one process: tasks go through a channel and are done a few at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use freshbooks::Budget;
use futures::{StreamExt, stream};
use grants::{Broker, ConnectionTokens};
use host::{OsRandom, SystemClock};
use lake::Lake;
use model::port::Clock;
use model::{ConnectionName, Error, ErrorKind, Result, Task};
use secrecy::SecretString;
use sync::{Brake, Dispatcher, Firing, Quiet, Report, WINDOW_ROWS, Worker, extract};
use tokio::sync::mpsc;

use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::pull::unit_id;
use crate::queue::channel;
use crate::screen::Screen;
use crate::summary::{Line, State, Summary, between};

/// Tables read at once: enough to fill the waits, few enough to hold their pages.
const AT_ONCE: usize = 3;

/// What does the tasks.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    worker: Worker,
    broker: Arc<Broker>,
    /// One per connection, shared by its tables.
    budgets: BTreeMap<ConnectionName, Arc<Budget>>,
    interrupt: Interrupt,
    screen: Screen,
}

/// What a run came to: its tables, and connections that could not even start.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) summary: Summary,
    pub(crate) failed: Vec<Error>,
}

/// A worker on `machine` that tells nobody how far it is.
pub(crate) fn worker(machine: &Machine) -> Worker {
    let settings = &machine.settings;
    Worker {
        lake: Lake::new(Arc::new(machine.folder.clone()), &*settings.database).under(settings.contract),
        api_url: settings.api_url.clone(),
        transport: machine.transport.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        budget: Arc::new(settings.budget()),
        in_flight: settings.in_flight.into(),
        window_rows: WINDOW_ROWS,
        reach: settings.reach,
        brake: Brake::default(),
        progress: Arc::new(Quiet),
        salt: None,
    }
}

impl Engine {
    /// An engine on `machine`, for the connections that `names` names.
    pub(crate) fn new(
        machine: &Machine,
        broker: Broker,
        names: &[ConnectionName],
        interrupt: &Interrupt,
        screen: &Screen,
    ) -> Self {
        let settings = &machine.settings;
        let budgets: BTreeMap<_, _> =
            names.iter().map(|name| (name.clone(), Arc::new(settings.budget()))).collect();
        let worker = worker(machine);
        let (interrupt, screen) = (interrupt.clone(), screen.clone());
        Self { worker, broker: Arc::new(broker), budgets, interrupt, screen }
    }

    /// The same engine, with what columns are hashed with.
    pub(crate) fn salted(mut self, salt: Option<SecretString>) -> Self {
        self.worker.salt = salt;
        self
    }

    /// Dispatches `firings` and does their tasks. One that fails keeps no other from being done.
    pub(crate) async fn run(&self, firings: Vec<Firing>) -> Ran {
        let started = SystemClock.now();
        let (queue, tasks) = channel();
        let dispatcher = Dispatcher {
            objects: Arc::clone(self.worker.lake.store()),
            broker: Arc::clone(&self.broker),
            queue: Arc::new(queue),
        };
        let (failed, mut lines) = futures::join!(self.dispatch(dispatcher, firings), self.work(tasks));
        let place = |line: &Line| tables::ALL.iter().position(|table| table.name == line.table);
        lines.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.of.cmp(&b.of)));
        let milliseconds = between(started, SystemClock.now());
        Ran { summary: Summary { lines, milliseconds }, failed }
    }

    /// Owns the dispatcher, whose end closes the queue.
    async fn dispatch(&self, dispatcher: Dispatcher, firings: Vec<Firing>) -> Vec<Error> {
        let mut failed = Vec::new();
        for firing in firings {
            match self.interrupt.bounds("a token", dispatcher.dispatch(&firing)).await {
                Ok(connections) => {
                    for connection in connections {
                        let name = connection.connection;
                        failed.extend(
                            connection.tasks.err().map(|e| e.while_doing(format!("connection {name}"))),
                        );
                    }
                }
                Err(error) => failed.push(error),
            }
        }
        failed
    }

    async fn work(&self, tasks: mpsc::Receiver<Task>) -> Vec<Line> {
        let tasks =
            stream::unfold(tasks, |mut tasks| async move { tasks.recv().await.map(|task| (task, tasks)) });
        tasks.map(|task| self.line(task)).buffer_unordered(AT_ONCE).collect().await
    }

    /// Does one task, on any thread.
    async fn line(&self, task: Task) -> Line {
        let (table, of) = (task.table.to_string(), unit_id(&task.unit));
        let started = SystemClock.now();
        let this = self.clone();
        let done = tokio::spawn(async move { this.task(&task).await }).await;
        let done = done.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Internal, format!("the task for {table} broke off")).because(error))
        });
        let milliseconds = between(started, SystemClock.now());
        let line = match done {
            Ok(report) => Line {
                table,
                of,
                milliseconds,
                files: report.files.len() as u64,
                bytes: report.files.iter().map(|file| file.bytes).sum(),
                state: State::of(&report),
                certificate: report.certificate,
            },
            Err(error) => {
                let state = State::Broken(error);
                Line { table, of, milliseconds, files: 0, bytes: 0, certificate: None, state }
            }
        };
        self.screen.note(line.sentence());
        line
    }

    async fn task(&self, task: &Task) -> Result<Report> {
        let watch = self.screen.watch(&format!("{} {}", task.table, unit_id(&task.unit)));
        let mut worker = Worker { progress: Arc::new(watch), ..self.worker.clone() };
        if let Some(budget) = self.budgets.get(&task.connection) {
            worker.budget = Arc::clone(budget);
        }
        let tokens =
            ConnectionTokens { broker: Arc::clone(&self.broker), connection: task.connection.clone() };
        let once = || async {
            let work = extract(&worker, Arc::new(tokens.clone()), task, self.interrupt.stop());
            self.interrupt.bounds(task.table.as_str(), work).await
        };
        let token = self.broker.access_token(&task.connection).await.ok();
        match (once().await, token) {
            // Revoked before its time. Workers on AWS wait for the next run's dispatch; this process is both.
            (Err(error), Some(token)) if error.kind() == ErrorKind::TokenRejected => {
                self.broker.refresh_after_rejection(&task.connection, &token).await?;
                once().await
            }
            (done, _) => done,
        }
    }
}
