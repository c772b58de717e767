//! `freshlake decode`: saved API responses to typed rows.
//!
//! Each row is one JSON object on a line of standard output: `table` first, then the row's columns in their order.
//! A parent comes before its children. Columns that tell how a row came into a lake are left out.

use std::io::Read;
use std::path::Path;

use freshbooks::{Page, Trouble};
use host::SystemClock;
use model::port::Clock;
use model::{Error, ErrorKind, Result};
use tables::{Context, Decoder, RawText, Rejected, Table, Verdict};

use crate::cli;
use crate::rows::json_line;
use crate::screen::Screen;

/// What a file cannot tell.
const HIDDEN: [&str; 4] = ["_account_id", "_business_id", "_run_id", "_extracted_at"];

/// Decodes every file; one that cannot be read keeps no other from being decoded.
pub(crate) fn run(arguments: &cli::Decode, screen: &Screen) -> Result<u8> {
    let name = arguments.table.as_str();
    let table = tables::find(name).ok_or_else(|| sync::unknown_table(name))?;
    let mut code = 0;
    for path in &arguments.files {
        let shown = path.display().to_string();
        let read = bytes(path).and_then(|body| decode(table, name, body.into(), &shown, screen));
        match read {
            Ok(0) => {}
            Ok(_) => code = code.max(ErrorKind::TooManyRejected.exit_code()),
            Err(error) => {
                code = code.max(error.kind().exit_code());
                screen.error(&error);
            }
        }
    }
    Ok(code)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let failed =
        |error| Error::new(ErrorKind::Config, format!("cannot read {}", path.display())).because(error);
    if path != Path::new("-") {
        return std::fs::read(path).map_err(failed);
    }
    let mut body = Vec::new();
    std::io::stdin().lock().read_to_end(&mut body).map_err(failed)?;
    Ok(body)
}

/// Prints the rows of one response; answers how many were rejected.
fn decode(
    table: &'static Table,
    wanted: &str,
    body: bytes::Bytes,
    path: &str,
    screen: &Screen,
) -> Result<usize> {
    let page = Page::parse(table, body).map_err(|trouble| no_page(table, path, &trouble))?;
    let mut decoder = Decoder::new(table, Context::default(), RawText::Drop);
    let now = SystemClock.now();
    let mut rejected = 0;
    for row in page.rows() {
        decoder.rows([row], now, &mut |_| Verdict::Write);
        let failed = |e| Error::new(ErrorKind::Internal, "cannot build a record batch").because(e);
        let mut batches = decoder.take().map_err(failed)?;
        // The decoder gives children first.
        batches.reverse();
        for (name, batch) in batches {
            let shown = wanted == table.name || wanted == name.as_str();
            for row in (0..batch.num_rows()).filter(|_| shown) {
                screen.out(json_line(Some(name.as_str()), &batch, row, &HIDDEN));
            }
        }
        for row in decoder.rejected().get(rejected..).unwrap_or_default() {
            screen.warn(format!("{path}: {}", words(row)));
        }
        rejected = decoder.rejected().len();
    }
    if !decoder.unknown_keys().is_empty() {
        let keys: Vec<&str> = decoder.unknown_keys().keys().map(String::as_str).collect();
        screen.note(format!("{path}: keys without a column, kept in _extra: {}", keys.join(", ")));
    }
    Ok(rejected)
}

fn words(row: &Rejected) -> String {
    let key = row.key.as_deref().map_or("a row without a key".to_owned(), |key| format!("row {key}"));
    let path = if row.path.is_empty() { "the row" } else { &row.path };
    format!("{key} of {} was rejected: {path}: {}", row.table, row.reason)
}

fn no_page(table: &Table, path: &str, trouble: &Trouble) -> Error {
    let what = match trouble {
        Trouble::Api(error) => format!("{path} holds an error of FreshBooks, not {}: {error}", table.name),
        trouble => format!("{path} is no response with {}: {trouble}", table.name),
    };
    let step = format!("give the whole body of an answer to GET {}", table.path);
    Error::new(ErrorKind::TooManyRejected, what).next(step)
}
