//! Which live files are rewritten, and where their rows are cut into new ones.

use bytes::Bytes;
use model::Result;

use super::fates::Fates;
use super::keys::Keys;
use super::live::LiveFiles;
use super::{Limits, Live, tiers};

/// Bytes of files, at most, that are kept between finding the keys in them and rewriting them.
const HELD_BYTES: u64 = 32 << 20;

/// What a merge does.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The files to rewrite, those whose first key is unknown before all others, then by first key.
    pub(super) rewrite: Vec<Rewrite>,
    /// Where other files begin, by key.
    pub(super) segments: Vec<Segment>,
    /// By key that arrived: whether a live row has it.
    pub(super) found: Vec<bool>,
    /// Bytes of live files that were loaded.
    pub(super) loaded: u64,
}

/// A file to rewrite.
#[derive(Debug)]
pub(super) struct Rewrite {
    /// Its place among the live files.
    pub(super) place: usize,
    /// The beginning of its first key, if that is known.
    pub(super) first: Option<Vec<u8>>,
    /// Its bytes, if they are still here.
    pub(super) bytes: Option<Bytes>,
    /// Whether none of its rows stays, so that it need not be read.
    pub(super) emptied: bool,
}

/// Rows that do not share a file with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The beginning of the first key.
    pub(super) from: Vec<u8>,
    /// Rows after which a file is closed, so that the last is not a small one.
    pub(super) rows_per_file: u64,
}

/// What is known of a live file.
#[derive(Debug, Default)]
struct Known {
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
    /// Rows of it that are replaced.
    dropped: u64,
    rewritten: bool,
    bytes: Option<Bytes>,
}

impl Plan {
    /// Finds the files that hold touched keys, and small ones to fold with them.
    pub(super) async fn make(live: LiveFiles<'_>, fates: &Fates<'_>, limits: Limits) -> Result<Self> {
        let mut plan = Self { found: vec![false; fates.arrivals.len()], ..Self::default() };
        let mut known = Vec::with_capacity(live.files.len());
        let mut held = 0;
        for file in live.files {
            let mut this = Known {
                first: live.bound(file.first.as_ref()),
                last: live.bound(file.last.as_ref()),
                ..Known::default()
            };
            if fates.touch(fates.between(this.first.as_deref(), this.last.as_deref())) {
                plan.look(live, fates, file, &mut this).await?;
                held += if this.bytes.is_some() { file.bytes } else { 0 };
                if held > HELD_BYTES {
                    this.bytes = None;
                }
            }
            known.push(this);
        }
        plan.fold(live.files, &mut known, fates, limits);
        Ok(plan)
    }

    /// Looks which touched keys a file holds.
    async fn look(
        &mut self,
        live: LiveFiles<'_>,
        fates: &Fates<'_>,
        file: &Live,
        known: &mut Known,
    ) -> Result<()> {
        let bytes = live.load(file).await?;
        self.loaded += file.bytes;
        let whole = live.shape.whole_key();
        let mut reader = live.open(file, bytes.clone(), &live.some(whole)?)?;
        let places: Vec<usize> = (0..whole.len()).collect();
        while let Some(batch) = reader.next()? {
            let keys = Keys::of(&batch, &places)?;
            if !keys.are_sorted() {
                return Err(reader.unsorted());
            }
            fates.meet(&keys, |_, key, fate| {
                known.rewritten = true;
                known.dropped += u64::from(fate.drops);
                if let Some(found) = self.found.get_mut(key) {
                    *found = true;
                }
            });
        }
        if known.rewritten && known.dropped < file.rows {
            known.bytes = Some(bytes);
        }
        Ok(())
    }

    fn fold(&mut self, live: &[Live], known: &mut [Known], fates: &Fates<'_>, limits: Limits) {
        let sizes: Vec<u64> = live.iter().map(|file| file.bytes).collect();
        let arrived = Arrived::of(fates, live, &self.found);
        if arrived.rows == 0 && known.iter().all(|file| !file.rewritten) {
            return;
        }
        let is_large = |at: usize| tiers::of(sizes.get(at).copied().unwrap_or_default(), limits).is_none();
        let anchors = anchors(known, is_large);
        let before = fates.between(None, anchors.first().and_then(|at| known.get(*at)?.first.as_deref()));
        // What is behind the first large file joins it or the next ones.
        let came =
            if anchors.is_empty() { arrived.bytes(0..fates.arrivals.len()) } else { arrived.bytes(before) };
        let rewritten: Vec<bool> = known.iter().map(|file| file.rewritten).collect();
        for at in tiers::fold(&sizes, &rewritten, came, limits) {
            if let Some(file) = known.get_mut(at) {
                file.rewritten = true;
            }
        }
        self.segments = segments(live, known, &anchors, &arrived, limits);
        self.rewrite = known
            .iter_mut()
            .enumerate()
            .filter(|(_, file)| file.rewritten)
            .map(|(place, file)| Rewrite {
                place,
                first: file.first.take(),
                bytes: file.bytes.take(),
                emptied: live.get(place).is_some_and(|live| file.dropped == live.rows),
            })
            .collect();
        self.rewrite.sort_by(|a, b| a.first.cmp(&b.first));
    }
}

/// The large files to rewrite, by first key: each begins a segment.
fn anchors(known: &[Known], is_large: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut anchors: Vec<usize> = (0..known.len())
        .filter(|at| {
            is_large(*at) && known.get(*at).is_some_and(|file| file.rewritten && file.first.is_some())
        })
        .collect();
    anchors.sort_by_key(|at| known.get(*at).and_then(|file| file.first.clone()));
    anchors
}

/// How much came, as far as it can be told before it is encoded.
struct Arrived<'a> {
    fates: &'a Fates<'a>,
    rows: u64,
    /// Keys that bring rows.
    keys: u64,
    /// Bytes and rows of all live files: what a row takes.
    live: (u64, u64),
}

impl<'a> Arrived<'a> {
    fn of(fates: &'a Fates<'a>, live: &[Live], found: &[bool]) -> Self {
        let all = 0..fates.arrivals.len();
        Self {
            fates,
            rows: (fates.count() + fates.lonely(found)) as u64,
            keys: fates.drops(all) as u64,
            live: live.iter().fold((0, 0), |(bytes, rows), f| (bytes + f.bytes, rows + f.rows)),
        }
    }

    /// Rows under some keys, about.
    fn rows(&self, keys: std::ops::Range<usize>) -> u64 {
        let drops = self.fates.drops(keys) as u64;
        self.rows.saturating_mul(drops).checked_div(self.keys).unwrap_or_default()
    }

    fn bytes(&self, keys: std::ops::Range<usize>) -> u64 {
        self.bytes_of(self.rows(keys))
    }

    fn bytes_of(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.live.0).checked_div(self.live.1).unwrap_or_default()
    }
}

/// Cuts before each large file, and behind it where enough for a file of its own lies before the next: what is far apart
/// stays apart. Within a segment, files are of about the same size.
fn segments(
    live: &[Live],
    known: &[Known],
    anchors: &[usize],
    arrived: &Arrived<'_>,
    limits: Limits,
) -> Vec<Segment> {
    let first = |at: &usize| known.get(*at).and_then(|file| file.first.clone());
    let mut cuts = vec![Vec::new()];
    for (at, anchor) in anchors.iter().enumerate() {
        let Some(begin) = first(anchor) else { continue };
        let next = anchors.get(at + 1).and_then(first);
        // Greater than every key that begins with the last one.
        let behind = known.get(*anchor).and_then(|file| file.last.clone()).map(|mut last| {
            last.push(u8::MAX);
            last
        });
        cuts.push(begin);
        if let Some(behind) = behind
            && next.as_ref().is_none_or(|next| behind < *next)
        {
            let gap = rows_between(live, known, arrived, &behind, next.as_deref());
            if tiers::of(arrived.bytes_of(gap), limits).is_none() {
                cuts.push(behind);
            }
        }
    }
    cuts.dedup();
    let ends = cuts.iter().skip(1).map(Some).chain([None]);
    let segment = |(from, to): (&Vec<u8>, Option<&Vec<u8>>)| {
        let rows = rows_between(live, known, arrived, from, to.map(Vec::as_slice));
        // A little room, so that a guess that is a little wrong does not leave a small file over.
        let room = (limits.file_bytes as u64) / 10 * 9;
        let files = arrived.bytes_of(rows).div_ceil(room.max(1)).max(1);
        let rows_per_file = if arrived.live.1 == 0 || files == 1 { u64::MAX } else { rows.div_ceil(files) };
        Segment { from: from.clone(), rows_per_file }
    };
    cuts.iter().zip(ends).map(segment).collect()
}

/// About how many rows are between two keys after the merge.
fn rows_between(
    live: &[Live],
    known: &[Known],
    arrived: &Arrived<'_>,
    from: &[u8],
    to: Option<&[u8]>,
) -> u64 {
    let stay = live.iter().zip(known).filter(|(_, file)| {
        let first = file.first.as_deref().unwrap_or_default();
        file.rewritten && from <= first && to.is_none_or(|to| first < to)
    });
    let stay: u64 = stay.map(|(file, known)| file.rows.saturating_sub(known.dropped)).sum();
    let start = arrived.fates.between(Some(from), None).start;
    let end = to.map_or(arrived.fates.arrivals.len(), |to| arrived.fates.between(Some(to), None).start);
    stay + arrived.rows(start..end.max(start))
}
