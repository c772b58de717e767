//! What can be typed: commands, options, help.

// What stands in these comments is printed as help, where backticks would only be in the way.
#![allow(clippy::doc_markdown, rustdoc::invalid_html_tags, reason = "help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use model::{ConnectionName, Date};

const EXAMPLES: &str = "\
Examples:
  freshlake demo                                   connect and copy a made-up FreshBooks
  freshlake connect acme                           authorise freshlake in the browser
  freshlake sync                                   copy what is new of every connection
  freshlake plan                                   what the next run would ask for
  freshlake sync acme --table invoices --full      read one table again from the beginning
  freshlake sync --table taxes --accept-deletions  rows that are no longer listed are truly gone
  freshlake show invoices                          look at what is there
  freshlake status                                 how far each table is read
  freshlake verify                                 whether everything is still as it was written
  freshlake maintain                               what is no longer needed; --delete takes it away
  freshlake runs invoices                          the snapshots that lead back to each run

Exit codes:
    0  done; tables outside the plan or the scopes count as done unless they were asked for by name
    1  a bug, or commits that kept colliding
    2  settings, arguments or ids that cannot work
    3  rows that could not be typed
    4  a person has to connect again
    5  a table that was asked for is outside the plan or the scopes
    6  FreshBooks does not work as it should, or changes too fast to be read
    7  the lake or the secrets cannot be read or written
   75  another run is at work on the same folder
  130  stopped by Ctrl-C";

/// FreshBooks books into a lakehouse
#[derive(Debug, Parser)]
#[command(name = "freshlake", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Settings file; without one, defaults apply [default: freshlake.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// No progress on standard error, only warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Form of messages on standard error
    #[arg(long, global = true, value_name = "FORM", value_enum, default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,
    /// More messages; twice for all of them
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// Bars on a terminal, else lines
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try everything on a made-up FreshBooks: connect, copy, read back
    Demo(Demo),
    /// Serve a made-up FreshBooks on this machine
    Simulator(Simulator),
    /// Authorise freshlake at FreshBooks, in the browser
    Connect(Connect),
    /// Copy what is new into the lake
    Sync(Sync),
    /// Read tables into plain Parquet files, once, with a token from FRESHBOOKS_ACCESS_TOKEN
    Pull(Pull),
    /// Tell what the next run would ask FreshBooks for, without asking
    Plan(Plan),
    /// List the tables
    Tables(Tables),
    /// Tell everything about one table
    Describe(Describe),
    /// Turn saved API responses into typed rows, as JSON lines
    Decode(Decode),
    /// Show rows of the lake
    Show(Show),
    /// Tell what the lake has of each table and how far it is read, without asking FreshBooks
    Status(Status),
    /// Read the lake back and tell what is damaged
    Verify(Verify),
    /// Rebuild a current table and its children from the raw rows, without asking FreshBooks
    Replay(Replay),
    /// Tell which old snapshots and leftovers of dead runs are no longer needed; with --delete, take them away
    Maintain(Maintain),
    /// List the runs that changed rows, and the snapshots that lead back to each
    Runs(Runs),
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Folder for the lake, its settings and its secrets
    #[arg(long, value_name = "DIR", default_value = "freshlake-demo")]
    pub(crate) out: PathBuf,
    /// Leave the made-up FreshBooks and the connect page up for clicking, until Ctrl-C
    #[arg(long)]
    pub(crate) serve: bool,
    /// Number of invoices of the first business; everything else is in proportion [default: 120]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) scale: Option<u64>,
    /// Decides every made-up value [default: 1]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Simulator {
    /// Port on 127.0.0.1; 0 for any free one
    #[arg(long, value_name = "P")]
    pub(crate) port: u16,
    /// Decides every made-up value
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of invoices of the first business; everything else is in proportion
    #[arg(long, value_name = "X", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) scale: u64,
    /// Wait before every answer, in milliseconds
    #[arg(long, value_name = "L", default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// API requests per minute; more are answered 429
    #[arg(long, value_name = "N")]
    pub(crate) rate_limit: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// What to call the connection: lower-case letters, digits, - and _
    #[arg(value_parser = connection)]
    pub(crate) name: ConnectionName,
    /// No page on this machine: print FreshBooks' address, read the one it leads to from standard input
    #[arg(long)]
    pub(crate) paste: bool,
    /// Only the business with this account id or business id
    #[arg(long, value_name = "A")]
    pub(crate) account: Option<String>,
    /// Port of the page; https://localhost:P/callback has to be registered at FreshBooks as a redirect URL
    #[arg(long, value_name = "P", default_value_t = 8765)]
    pub(crate) port: u16,
}

#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// The connection; all of them if left out
    #[arg(value_parser = connection)]
    pub(crate) name: Option<ConnectionName>,
    /// Only this table; may be repeated
    #[arg(long = "table", value_name = "T")]
    pub(crate) tables: Vec<String>,
    /// Read everything again, not only what changed
    #[arg(long)]
    pub(crate) full: bool,
    /// Mark every row as deleted that FreshBooks no longer lists, even if they are many or the role has changed
    #[arg(long)]
    pub(crate) accept_deletions: bool,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Args, Debug)]
pub(crate) struct Pull {
    /// Folder for the files: DIR/<table>/*.parquet
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Only this table; may be repeated
    #[arg(long = "table", value_name = "T")]
    pub(crate) tables: Vec<String>,
    /// Only rows that changed on or after this day, of tables that can tell
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) since: Option<Date>,
    /// Only this account, for tables that belong to an account
    #[arg(long, value_name = "A")]
    pub(crate) account: Option<String>,
    /// Only this business, for tables that belong to a business
    #[arg(long, value_name = "B")]
    pub(crate) business: Option<i64>,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// How hard FreshBooks is asked.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Pace")]
pub(crate) struct Pace {
    /// Pages fetched at once [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) in_flight: Option<u16>,
    /// Give up on a page after so many tries, with growing waits in between [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) tries: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// The connection; all of them if left out
    #[arg(value_parser = connection)]
    pub(crate) name: Option<ConnectionName>,
    /// Only this table; may be repeated
    #[arg(long = "table", value_name = "T")]
    pub(crate) tables: Vec<String>,
    /// What sync --full would ask for
    #[arg(long)]
    pub(crate) full: bool,
    /// Ask FreshBooks for the first page of each list, to know how many rows it has
    #[arg(long)]
    pub(crate) ask: bool,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Tables {
    /// One JSON document, the same as --format json
    #[arg(long)]
    pub(crate) json: bool,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An aligned table
    Text,
    /// One JSON document
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// The table, or a child such as invoice_lines
    pub(crate) table: String,
}

#[derive(Args, Debug)]
pub(crate) struct Decode {
    /// The table that the responses are of; a child such as invoice_lines shows only its rows
    pub(crate) table: String,
    /// Files with one response each; - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The table, or a child such as invoice_lines
    pub(crate) table: String,
    /// Show so many rows
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// The connection; all of them if left out
    #[arg(value_parser = connection)]
    pub(crate) name: Option<ConnectionName>,
    /// All about the last commits of this table
    #[arg(long, value_name = "T")]
    pub(crate) table: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Only this table with its children
    #[arg(long, value_name = "T")]
    pub(crate) table: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The table; that of a child stands for its parent
    pub(crate) table: String,
    /// Only rows that were read from this day on (UTC) are laid over the table; without it, it is made of all rows
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) from: Option<Date>,
}

#[derive(Args, Debug)]
pub(crate) struct Maintain {
    /// The table with its children; all of them if left out
    pub(crate) table: Option<String>,
    /// How long a snapshot stays after another has taken its place: 14d, 36h; never less than two days
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "14d")]
    pub(crate) keep: SignedDuration,
    /// Delete what is told; without it nothing is changed
    #[arg(long)]
    pub(crate) delete: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Runs {
    /// The table, or a child such as invoice_lines; all of them if left out
    pub(crate) table: Option<String>,
    /// Show so many runs, the newest ones [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// One JSON document with all of them
    #[arg(long)]
    pub(crate) json: bool,
}

/// Days or hours: `14d`, `36h`.
fn time(text: &str) -> Result<SignedDuration, String> {
    let hours = text.strip_suffix('d').map(|days| (days, 24)).or_else(|| Some((text.strip_suffix('h')?, 1)));
    let hours =
        hours.and_then(|(number, unit)| number.parse::<u32>().ok().map(|number| i64::from(number) * unit));
    hours.map(SignedDuration::from_hours).ok_or_else(|| "say a number of days or hours: 14d, 36h".to_owned())
}

fn connection(text: &str) -> Result<ConnectionName, String> {
    ConnectionName::new(text).map_err(|error| error.to_string())
}

fn day(text: &str) -> Result<Date, String> {
    model::time::parse_date(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }
}
