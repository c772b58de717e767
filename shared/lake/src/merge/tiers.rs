//! When small files are folded into larger ones.
//!
//! A file is full from half of the bound on. Those below are in tiers, each an eighth of the one above, and a tier has seven
//! files at most: an eighth folds them all into one, which is of the tier above. So a row is rewritten about once per tier
//! on its way to a full file, and there are two dozen small files at most. What is small altogether is one file.

use super::Limits;

/// Files that a tier may have.
const FILES: usize = 7;

/// How many times larger the files of the tier above are.
const TIMES: u64 = 8;

/// The lowest tier, which has all that is smaller, too.
const LOWEST: u32 = 2;

/// A table smaller than this part of a full file is one file.
const SMALL: u64 = 128;

/// Files folded in one merge, at most: each is held in memory while its rows are taken.
const FOLDED: usize = 32;

/// The tier of a file of `bytes`: 0 has the largest. None if it is full.
pub(super) fn of(bytes: u64, limits: Limits) -> Option<u32> {
    let mut floor = limits.file_bytes as u64 / 2;
    if bytes >= floor {
        return None;
    }
    let mut tier = 0;
    while tier < LOWEST {
        floor /= TIMES;
        if bytes >= floor {
            break;
        }
        tier += 1;
    }
    Some(tier)
}

/// Which of the files that need not be rewritten are folded, where `rewritten` are, and rows of about `came` bytes go to
/// no large one.
pub(super) fn fold(sizes: &[u64], rewritten: &[bool], came: u64, limits: Limits) -> Vec<usize> {
    let file = |at: usize| sizes.get(at).copied().unwrap_or_default();
    let is_rewritten = |at: usize| rewritten.get(at).copied().unwrap_or_default();
    let mut rest: Vec<usize> = (0..sizes.len()).filter(|at| !is_rewritten(*at)).collect();
    if sizes.iter().sum::<u64>() < limits.file_bytes as u64 / SMALL {
        return rest;
    }
    let mut pool: u64 = came
        + (0..sizes.len())
            .filter(|at| is_rewritten(*at))
            .map(file)
            .filter(|b| of(*b, limits).is_some())
            .sum::<u64>();
    rest.retain(|at| of(file(*at), limits).is_some());
    rest.sort_by_key(|at| file(*at));
    let mut folded: Vec<usize> = Vec::new();
    loop {
        let tier_of_pool = (pool > 0).then(|| of(pool, limits)).flatten();
        let crowded = |tier: &u32| {
            let files = rest.iter().filter(|at| of(file(**at), limits) == Some(*tier)).count();
            files + usize::from(tier_of_pool == Some(*tier)) > FILES
        };
        let Some(tier) = (0..=LOWEST).find(crowded) else { return folded };
        let fits = |at: &usize| of(file(*at), limits).is_some_and(|own| own >= tier);
        let count = rest.iter().take_while(|at| fits(at)).count().min(FOLDED.saturating_sub(folded.len()));
        if count == 0 {
            return folded;
        }
        for at in rest.drain(..count) {
            pool += file(at);
            folded.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { file_bytes: 1 << 20, delta_bytes: 1 << 20 };

    /// Loads windows of ever newer keys, which touch no live file; tells the files' sizes and how much was written in all.
    fn load(windows: &[u64]) -> (Vec<u64>, u64) {
        let (mut files, mut written): (Vec<u64>, u64) = (Vec::new(), 0);
        for window in windows {
            let folded = fold(&files, &vec![false; files.len()], *window, LIMITS);
            let new: u64 = folded.iter().filter_map(|at| files.get(*at)).sum::<u64>() + window;
            let mut at = 0;
            files.retain(|_| {
                at += 1;
                !folded.contains(&(at - 1))
            });
            let parts = new.div_ceil(LIMITS.file_bytes as u64);
            files.extend(std::iter::repeat_n(new / parts, usize::try_from(parts).unwrap()));
            written += new;
            let small = files.iter().filter(|bytes| of(**bytes, LIMITS).is_some()).count();
            assert!(small <= 24, "{small} small files: {files:?}");
        }
        (files, written)
    }

    #[test]
    fn a_first_load_rewrites_each_row_a_few_times_and_leaves_few_files() {
        for (window, times) in [(8 << 10, 3), (20 << 10, 3), (100 << 10, 2), (600 << 10, 1)] {
            let (files, written) = load(&vec![window; 2000]);
            let total: u64 = files.iter().sum();
            assert!(written <= (times + 1) * total, "windows of {window}: {written} written for {total}");
        }
        let mut rng = fastrand::Rng::with_seed(7);
        let windows: Vec<u64> = (0..3000).map(|_| 1 << rng.u32(4..18)).collect();
        load(&windows);
    }

    #[test]
    fn what_is_small_altogether_is_one_file() {
        let (files, _) = load(&[1 << 10; 8]);
        assert_eq!(files.len(), 1);
    }

    #[test]
    fn a_commit_that_touches_a_large_file_leaves_others_alone() {
        let sizes = [900 << 10, 900 << 10, 100 << 10, 100 << 10];
        assert!(fold(&sizes, &[true, false, false, false], 0, LIMITS).is_empty());
    }
}
