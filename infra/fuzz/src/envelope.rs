//! Answers with rows: the page around them, and each row.

use bytes::Bytes;
use freshbooks::Page;
use model::{RunId, TableName, Timestamp, Unit};
use serde::de::IgnoredAny;
use tables::{Context, Decoder, RawText, Table, Verdict};

type Batches = Vec<(TableName, arrow_array::RecordBatch)>;

/// The first byte picks the table, the rest is the body of an answer.
pub(crate) fn page(data: &[u8]) {
    let Some((table, body)) = pick(data) else { return };
    let parse = || Page::parse(table, Bytes::copy_from_slice(body));
    let page = match (parse(), parse()) {
        (Ok(page), Ok(again)) => {
            assert!(page.rows().eq(again.rows()), "the same bytes gave other rows");
            page
        }
        (Err(one), Err(two)) => {
            assert_eq!(one.to_string(), two.to_string());
            return;
        }
        (one, two) => panic!("the same bytes were a page and none: {one:?} {two:?}"),
    };
    let whole = serde_json::from_slice::<IgnoredAny>(body);
    assert!(whole.is_ok(), "a cut or garbled body passed for a page: {whole:?}");
    assert_eq!(page.rows().count(), page.len());
    let _ = (page.last(), page.total, page.number);
    let rows: Vec<&str> = page.rows().collect();
    decode(table, &rows);
}

/// The first byte picks the table, each line of the rest is a row.
pub(crate) fn rows(data: &[u8]) {
    let Some((table, text)) = pick(data) else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    decode(table, &text.split('\n').collect::<Vec<_>>());
}

fn pick(data: &[u8]) -> Option<(&'static Table, &[u8])> {
    let (first, rest) = data.split_first()?;
    let table = tables::ALL.get(usize::from(*first) % tables::ALL.len())?;
    Some((*table, rest))
}

/// Every row lands, is skipped or is rejected; the same rows give the same batches, and so does the text that the lake
/// keeps of them.
fn decode(table: &'static Table, rows: &[&str]) {
    let (batches, landed) = batches(table, rows);
    let (again, _) = self::batches(table, rows);
    assert_eq!(batches, again, "the same rows gave other batches");
    let Some((_, own)) = batches.iter().find(|(name, _)| name.as_str() == table.name) else {
        assert_eq!(landed, 0, "rows landed, but not in their table");
        return;
    };
    assert_eq!(own.num_rows(), landed);
    let kept = own.column_by_name("_raw").and_then(|c| c.as_any().downcast_ref::<arrow_array::StringArray>());
    let kept: Vec<&str> = kept.unwrap().iter().flatten().collect();
    let (replayed, relanded) = self::batches(table, &kept);
    assert_eq!(relanded, landed, "a row could not be read from what was kept of it");
    assert_eq!(batches, replayed, "what was kept of the rows gave other batches");
}

fn batches(table: &'static Table, rows: &[&str]) -> (Batches, usize) {
    let unit = Unit::Identity(1);
    let context = Context::new(&unit, &RunId("run".to_owned()));
    let mut decoder = Decoder::new(table, context, RawText::Keep);
    let (mut written, mut skipped) = (0, 0);
    decoder.rows(rows.iter().copied(), Timestamp::UNIX_EPOCH, &mut |facts| {
        // Some rows are left out, as those are that the lake has already.
        if facts.digest % 5 == 4 {
            skipped += 1;
            Verdict::Skip
        } else {
            written += 1;
            Verdict::Write
        }
    });
    let rejected = decoder.rejected().len();
    assert_eq!(written + skipped + rejected, rows.len(), "a row neither landed nor was rejected");
    for row in decoder.rejected() {
        assert!(!row.reason.is_empty(), "a row was rejected without a reason");
    }
    let batch = decoder.rejected_batch(|_| true).unwrap();
    assert_eq!(batch.map_or(0, |b| b.num_rows()), rejected);
    let batches = decoder.take().unwrap();
    assert_eq!(decoder.buffered(), 0);
    (batches, written)
}
