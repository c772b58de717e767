//! How fast the bodies of each table become columns: MB of JSON per second of one thread, the slowest first.
//!
//! The bodies are those that a sync of the table gets from the simulator, fetched again.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench says so by failing, and prints")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use freshbooks::Page;
use model::Mode;
use simulator::{Options, Simulator};
use tables::{Context, Decoder, RawText, Table, Verdict};
use world::World;

/// What was agreed for invoices with lines; no table may be slower than half of it.
const WANTED: f64 = 80.0;
/// So many bytes of a table are enough.
const ENOUGH: usize = 4_000_000;
/// Of fewer bytes than these, what is measured is what every task costs, and not how fast its table is.
const TOO_FEW: usize = 20_000;
/// Each table is decoded again and again for so long.
const TIME: Duration = Duration::from_millis(400);

/// MB per second, the table, how many answers, and their bytes.
type Speed = (f64, &'static str, usize, usize);

struct Answer {
    body: Bytes,
    parameters: Vec<(&'static str, String)>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut options = Options { scale: 2_000, request_log: 100_000, ..Options::default() };
    options.oauth.expires_in = 400 * 86_400;
    let world = World::new(options);
    let mut speeds: Vec<Speed> = tables::ALL
        .iter()
        .map(|table| {
            let answers = runtime.block_on(answers(&world, table));
            let bytes: usize = answers.iter().map(|answer| answer.body.len()).sum();
            (speed(table, &answers, bytes), table.name, answers.len(), bytes)
        })
        .collect();
    speeds.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("{:<32} {:>8} {:>10} {:>8} {:>7}", "table", "answers", "KB", "MB/s", "of 80");
    for (speed, name, answers, bytes) in &speeds {
        println!("{name:<32} {answers:>8} {:>10} {speed:>8.0} {:>7.2}", bytes / 1_000, speed / WANTED);
    }
    let of = |wanted: &str| speeds.iter().find(|(_, name, ..)| *name == wanted).map_or(0.0, |found| found.0);
    let told = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let (enough, few): (Vec<&Speed>, Vec<&Speed>) = speeds.iter().partition(|found| found.3 >= TOO_FEW);
    let slow = enough.iter().filter(|found| found.0 < WANTED / 2.0).map(|found| found.1).collect();
    println!("\ninvoices with lines: {:.0} MB/s (at least {WANTED} wanted)", of("invoices"));
    println!("below {} MB/s: {}", WANTED / 2.0, told(slow));
    println!("too few bytes to tell: {}", told(few.iter().map(|found| found.1).collect()));
}

/// The bodies that a sync of `table` reads, up to enough of them.
async fn answers(world: &World, table: &'static Table) -> Vec<Answer> {
    let control = world.simulator.control();
    let unit = world.units_of(table).remove(0);
    // A table that is told row by row of another needs that one first; its requests are the last ones.
    for name in table.each.map(|each| each.parent).into_iter().chain([table.name]) {
        control.reset_requests();
        world.extract(&world.next_run(), name, &unit, Mode::Incremental).await.unwrap();
    }
    let mut answers = Vec::new();
    let mut bytes = 0;
    for line in control.requests().last {
        if bytes >= ENOUGH || line.status != 200 {
            continue;
        }
        let body = fetch(&world.simulator, &world.token, &line.target).await;
        let parameters = parameters(&line.target);
        if Page::parse_asked(table, &parameters, body.clone()).is_ok() {
            bytes += body.len();
            answers.push(Answer { body, parameters });
        }
    }
    assert!(!answers.is_empty(), "no answers for {}", table.name);
    answers
}

async fn fetch(simulator: &Simulator, token: &str, target: &str) -> Bytes {
    use model::port::Transport as _;

    let request = http::Request::get(format!("http://127.0.0.1:1{target}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new());
    simulator.transport().send(request.unwrap()).await.unwrap().into_body()
}

/// What a report may not repeat of what it was asked.
fn parameters(target: &str) -> Vec<(&'static str, String)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let known = ["start_date", "end_date", "date", "currency_code"];
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(key, value)| Some((*known.iter().find(|k| **k == key)?, value.to_owned()))).collect()
}

/// MB of JSON per second, from the body to columns.
fn speed(table: &'static Table, answers: &[Answer], bytes: usize) -> f64 {
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < TIME {
        let mut decoder = Decoder::new(table, Context::default(), RawText::Drop);
        for answer in answers {
            let page = Page::parse_asked(table, &answer.parameters, answer.body.clone()).unwrap();
            decoder.rows(page.rows(), jiff::Timestamp::UNIX_EPOCH, &mut |_| Verdict::Write);
        }
        black_box(decoder.take().unwrap());
        rounds += 1;
    }
    f64::from(u32::try_from(bytes).unwrap()) * f64::from(rounds) / start.elapsed().as_secs_f64() / 1e6
}
