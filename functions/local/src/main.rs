#![doc = include_str!("../README.md")]

mod catalog;
mod cli;
mod connect;
mod decode;
mod demo;
mod describe;
mod engine;
mod grid;
mod interrupt;
mod log;
mod machine;
mod maintain;
mod plan;
mod pull;
mod queue;
mod replay;
mod rows;
mod runs;
mod salt;
mod screen;
mod settings;
mod show;
mod simulator;
mod staging;
mod status;
mod summary;
mod sync;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use model::{Error, ErrorKind, Result};
use screen::Screen;
use settings::Settings;

/// Threads for work on files. Each thread has memory of its own that the others cannot use.
const FILE_THREADS: usize = 2;

fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let screen = Screen::new(&global, environment);
    log::start(&global, &screen);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(FILE_THREADS)
        .enable_all()
        .build();
    let outcome =
        runtime.map_err(|e| Error::new(ErrorKind::Internal, "cannot start").because(e)).and_then(|runtime| {
            let outcome = runtime.block_on(run(&global, command, &screen));
            // What was broken off is not waited for.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            screen.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Runs one command; answers its exit code.
async fn run(global: &cli::Global, command: Command, screen: &Screen) -> Result<u8> {
    let settings = || Settings::read(global.config.as_deref(), environment);
    match command {
        Command::Demo(arguments) => demo::run(&arguments, screen).await,
        Command::Simulator(arguments) => simulator::run(&arguments, screen).await,
        Command::Connect(arguments) => connect::run(arguments, settings()?, screen).await,
        Command::Sync(arguments) => sync::run(arguments, settings()?, screen).await,
        Command::Pull(arguments) => pull::run(arguments, settings()?, screen).await,
        Command::Plan(arguments) => plan::run(arguments, settings()?, screen).await,
        Command::Tables(arguments) => {
            catalog::list(&arguments, screen);
            Ok(0)
        }
        Command::Describe(arguments) => describe::run(&arguments, settings(), screen),
        Command::Decode(arguments) => decode::run(&arguments, screen),
        Command::Show(arguments) => show::run(&arguments, settings()?, screen).await,
        Command::Status(arguments) => status::run(&arguments, settings()?, screen).await,
        Command::Replay(arguments) => replay::run(&arguments, settings()?, screen).await,
        Command::Verify(arguments) => verify::run(&arguments, settings()?, screen).await,
        Command::Maintain(arguments) => maintain::run(&arguments, settings()?, screen).await,
        Command::Runs(arguments) => runs::run(&arguments, settings()?, screen).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, here and nowhere else")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
