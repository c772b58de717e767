//! What people see: answers on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{ErrorKind as IoKind, IsTerminal, Write, stderr, stdout};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{Error, ErrorKind};
use sync::Progress;

use crate::cli::{Global, LogForm};

/// What a shell reports for a program whose reader went away.
const READER_WENT_AWAY: i32 = 141;

/// Colours, where they are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Bold,
    Good,
    Fair,
    Bad,
    Dim,
}

impl Ink {
    /// `text` in this ink, if the terminal takes it.
    pub(crate) fn on(self, coloured: bool, text: &str) -> String {
        if !coloured || text.is_empty() {
            return text.to_owned();
        }
        let code = match self {
            Self::Bold => "1",
            Self::Good => "32",
            Self::Fair => "33",
            Self::Bad => "31",
            Self::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The two streams, and how much of what they take. Clones share the bars.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about two streams")]
pub(crate) struct Screen {
    /// Whether standard output is a person's.
    pub(crate) person_reads: bool,
    /// Whether it takes colours.
    pub(crate) coloured: bool,
    /// Whether standard error does.
    coloured_errors: bool,
    quiet: bool,
    json: bool,
    bars: Option<MultiProgress>,
}

impl Screen {
    pub(crate) fn new(global: &Global, environment: fn(&str) -> Option<String>) -> Self {
        let set = |name| environment(name).is_some_and(|value| !value.is_empty());
        let plain = set("NO_COLOR") || environment("TERM").is_some_and(|term| term == "dumb");
        let json = global.log == LogForm::Json;
        let bars = stderr().is_terminal() && !global.quiet && !json;
        Self {
            person_reads: stdout().is_terminal(),
            coloured: stdout().is_terminal() && !plain,
            coloured_errors: stderr().is_terminal() && !plain && !json,
            quiet: global.quiet,
            json,
            bars: bars.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
        }
    }

    /// A line of the answer.
    pub(crate) fn out(&self, line: impl Display) {
        let mut out = stdout().lock();
        let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) else { return };
        if error.kind() == IoKind::BrokenPipe {
            std::process::exit(READER_WENT_AWAY);
        }
        let error = Error::new(ErrorKind::Storage, "cannot write to standard output").because(error);
        self.error(&error);
        std::process::exit(error.kind().exit_code().into());
    }

    /// A line of the answer that can be done without.
    pub(crate) fn step(&self, line: impl Display) {
        if !self.quiet {
            self.out(line);
        }
    }

    /// What is going on.
    pub(crate) fn note(&self, line: impl Display) {
        if self.json {
            tracing::info!("{line}");
        } else if !self.quiet {
            self.err(&line.to_string());
        }
    }

    /// What a person should look at.
    pub(crate) fn warn(&self, line: impl Display) {
        if self.json {
            tracing::warn!("{line}");
        } else {
            self.err(&format!("{} {line}", Ink::Fair.on(self.coloured_errors, "warning:")));
        }
    }

    /// What a person should look at, and what they may do.
    pub(crate) fn warn_and(&self, line: impl Display, next: &str) {
        if self.json {
            tracing::warn!(next, "{line}");
            return;
        }
        self.warn(line);
        self.err(&format!("{} {next}", Ink::Bold.on(self.coloured_errors, "next:")));
    }

    /// What went wrong and what to do next.
    pub(crate) fn error(&self, error: &Error) {
        let next = error.next_step();
        let whole = error.to_string();
        let what = next.and_then(|next| whole.strip_suffix(&format!("; {next}"))).unwrap_or(&whole);
        if self.json {
            tracing::error!(next, exit_code = error.kind().exit_code(), kind = ?error.kind(), "{what}");
            return;
        }
        self.err(&format!("{} {what}", Ink::Bad.on(self.coloured_errors, "error:")));
        if let Some(next) = next {
            self.err(&format!("{} {next}", Ink::Bold.on(self.coloured_errors, "next:")));
        }
    }

    fn err(&self, line: &str) {
        self.above_bars(|| drop(writeln!(stderr().lock(), "{line}")));
    }

    /// Writes to standard error without tearing the bars.
    pub(crate) fn above_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Watches the reading of `what`.
    pub(crate) fn watch(&self, what: &str) -> Watch {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(1));
            let style = ProgressStyle::with_template("{prefix:32} {bar:24} {pos:>6}/{len:<6} pages {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what.to_owned());
            bar
        });
        Watch { bar }
    }
}

/// The progress of one table. Its bar goes away with it.
#[derive(Debug)]
pub(crate) struct Watch {
    bar: Option<ProgressBar>,
}

impl Progress for Watch {
    fn pages(&self, _: &str, done: u64, pages: u64, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(pages.max(done));
            bar.set_position(done);
            bar.set_message(format!("{rows} rows"));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
