//! Runs seeds of the scenarios, and tells what broke, with one command that replays it.

#![allow(clippy::disallowed_methods, reason = "measures how long a campaign takes")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::io::IsTerminal as _;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use scenarios::planted::hunt_all;
use scenarios::scenario::{ALL, Scenario};
use scenarios::{Campaign, Fault, Outcome, Plan, Setup, Tally, run, scenario, shrink};

/// Runs the whole system in virtual time, once per seed, and checks that it keeps its promises.
///
/// A seed decides everything: the data, the schedule, the faults, and who goes on when several could. What breaks a
/// promise is printed with the fewest faults that break it and with the command that replays it.
#[derive(Debug, Parser)]
#[command(name = "scenarios")]
struct Arguments {
    /// The seeds to run: A..B, without B; or one seed
    #[arg(long, value_name = "A..B", default_value = "0..100", value_parser = seeds)]
    seeds: Range<u64>,
    /// The scenario to run; all if left out
    #[arg(long, value_name = "NAME", value_parser = named)]
    scenario: Option<&'static Scenario>,
    /// Threads to run on
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Print every event of the first seed
    #[arg(long)]
    trace: bool,
    /// Let exactly these faults strike, as a failing run prints them: CALL=FAULT,...
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = struck, requires = "scenario")]
    faults: Option<Vec<(u64, Fault)>>,
    /// Plant every known bug, one at a time, and tell which seed below N finds it
    #[arg(long, value_name = "N", conflicts_with_all = ["scenario", "trace", "faults"])]
    planted: Option<u64>,
    /// List the scenarios and the faults
    #[arg(long)]
    list: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a seed"));
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

fn named(name: &str) -> Result<&'static Scenario, String> {
    let names: Vec<_> = ALL.iter().map(|s| s.name).collect();
    scenario::find(name).ok_or_else(|| format!("there are {}", names.join(", ")))
}

fn struck(text: &str) -> Result<(u64, Fault), String> {
    let (call, fault) = text.split_once('=').ok_or("write CALL=FAULT")?;
    Ok((call.parse().map_err(|_| format!("{call:?} is not the number of a call"))?, fault.parse()?))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    if let Some(most) = arguments.planted {
        return hunt(most, arguments.threads);
    }
    if arguments.trace || arguments.faults.is_some() {
        return one(&arguments);
    }
    let scenarios = arguments.scenario.map_or_else(|| ALL.iter().collect(), |one| vec![one]);
    let mut rows = Vec::new();
    for scenario in scenarios {
        let started = Instant::now();
        let campaign = Campaign { scenario, threads: arguments.threads };
        let (terminal, many) = (std::io::stderr().is_terminal(), arguments.seeds.end - arguments.seeds.start);
        let tally = campaign.run(arguments.seeds.clone(), &|done| {
            if terminal && (done % 16 == 0 || done == many) {
                eprint!("\r{}: {done} of {many}", scenario.name);
            }
        });
        if terminal {
            eprintln!();
        }
        for outcome in &tally.failed {
            tell(scenario, outcome);
        }
        rows.push((scenario.name, tally, started.elapsed().as_secs_f64()));
    }
    summary(&rows);
    let broken = rows.iter().any(|(_, tally, _)| tally.violations > 0);
    if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn list() {
    for scenario in ALL {
        println!("{:<11} {}", scenario.name, scenario.about);
    }
    let faults: Vec<_> = Fault::ALL.iter().map(ToString::to_string).collect();
    println!("\nfaults: {}", faults.join(" "));
}

/// Looks for every planted bug.
fn hunt(most: u64, threads: usize) -> ExitCode {
    let hunted = hunt_all(most, threads);
    println!("{:<20} {:<10} {:>6}  breaks", "planted bug", "found in", "seed");
    for (bug, found) in &hunted {
        let bug = format!("{bug:?}");
        match found {
            Some(found) => println!("{bug:<20} {:<10} {:>6}  {}", found.scenario, found.seed, found.rule),
            None => println!("{bug:<20} not found with {most} seeds"),
        }
    }
    if hunted.iter().all(|(_, found)| found.is_some()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed alone, with its trace or with given faults.
fn one(arguments: &Arguments) -> ExitCode {
    let scenario = arguments.scenario.or(ALL.first());
    let Some(scenario) = scenario else { return ExitCode::FAILURE };
    let mut setup = (scenario.setup)(arguments.seeds.start);
    if let Some(faults) = &arguments.faults {
        setup.plan = Plan::List(faults.clone());
    }
    let outcome = run(setup, arguments.trace);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("{} seed {}: trace {:016x}", scenario.name, outcome.seed, outcome.hash);
    for (name, count) in &outcome.counters {
        println!("{count:>8} {name}");
    }
    for violation in &outcome.violations {
        println!("VIOLATION {}: {}", violation.rule, violation.what);
    }
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a failing seed broke, and how to see it again.
fn tell(scenario: &Scenario, outcome: &Outcome) {
    const SHOWN: usize = 6;
    println!("\n{} seed {} breaks promises:", scenario.name, outcome.seed);
    for violation in outcome.violations.iter().take(SHOWN) {
        println!("  {}: {}", violation.rule, violation.what);
    }
    if outcome.violations.len() > SHOWN {
        println!("  and {} more", outcome.violations.len() - SHOWN);
    }
    let setup: Setup = (scenario.setup)(outcome.seed);
    let command = format!("cargo run -p scenarios -- --scenario {} --seeds {}", scenario.name, outcome.seed);
    match shrink(&setup, &outcome.struck) {
        Some(few) => {
            let few: Vec<_> = few.iter().map(|(call, fault)| format!("{call}={fault}")).collect();
            println!("  {} faults are enough of {}", few.len(), outcome.struck.len());
            let faults = if few.is_empty() { String::new() } else { format!(" --faults {}", few.join(",")) };
            println!("  replay: {command}{faults} --trace");
        }
        None => println!("  replay: {command} --trace"),
    }
}

fn summary(rows: &[(&str, Tally, f64)]) {
    println!(
        "\n{:<11} {:>7} {:>9} {:>8} {:>9} {:>10} {:>9} {:>9} {:>8} {:>10} {:>7}",
        "scenario",
        "seeds",
        "days",
        "runs",
        "tasks",
        "requests",
        "commits",
        "faults",
        "crashes",
        "violations",
        "wall s"
    );
    for (name, tally, seconds) in rows {
        println!(
            "{name:<11} {:>7} {:>9.0} {:>8} {:>9} {:>10} {:>9} {:>9} {:>8} {:>10} {seconds:>7.1}",
            tally.seeds,
            tally.days,
            tally.count("firings"),
            tally.count("tasks"),
            tally.count("requests"),
            tally.count("commits"),
            tally.struck,
            tally.count("process died"),
            tally.violations
        );
    }
    let mut counters = scenarios::Counters::new();
    for (_, tally, _) in rows {
        for (name, count) in &tally.counters {
            *counters.entry(name.clone()).or_default() += count;
        }
    }
    println!();
    for (name, count) in &counters {
        println!("{count:>10} {name}");
    }
}
