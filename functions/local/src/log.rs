//! The program's own log, on standard error.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::cli::{Global, LogForm};
use crate::screen::Screen;

/// What speaks of our own doing; the rest are libraries.
const OURS: [&str; 8] = ["freshlake", "freshbooks", "grants", "host", "lake", "simulator", "sync", "tables"];

/// Starts the log as the options say.
pub(crate) fn start(global: &Global, screen: &Screen) {
    let json = global.log == LogForm::Json;
    let level = match (global.quiet, global.verbose, json) {
        (true, ..) => LevelFilter::ERROR,
        (_, 0, false) => LevelFilter::WARN,
        (_, 0, true) | (_, 1, false) => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let mut targets = Targets::new().with_default(LevelFilter::WARN.min(level));
    for target in OURS {
        targets = targets.with_target(target, level);
    }
    if !json {
        // What these log as errors comes back to the command, which tells it as `error:` and `next:`.
        targets = targets.with_target("grants::site", LevelFilter::OFF);
        targets = targets.with_target("sync::dispatch", LevelFilter::OFF);
        if global.verbose == 0 {
            // Tries that failed are told in sum, when no more are made.
            targets = targets.with_target("freshbooks::client", LevelFilter::ERROR);
        }
    }
    let writer = AboveBars(screen.clone());
    let registry = tracing_subscriber::registry().with(targets);
    if json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(writer)).init();
    } else {
        let layer = tracing_subscriber::fmt::layer().compact().with_ansi(false).without_time();
        registry.with(layer.with_target(global.verbose > 0).with_writer(writer)).init();
    }
}

/// Writes each line above the bars.
struct AboveBars(Screen);

impl<'w> MakeWriter<'w> for AboveBars {
    type Writer = Line<'w>;

    fn make_writer(&'w self) -> Line<'w> {
        Line(&self.0)
    }
}

struct Line<'w>(&'w Screen);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.above_bars(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
