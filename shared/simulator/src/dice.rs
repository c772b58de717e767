//! Every value is a pure function of (seed, stream, index, what): nothing is drawn in sequence, so any
//! field of any row can be had alone, in any order, at any scale.

/// The random draws of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The draws of row `index` in `stream`.
    #[inline]
    pub(crate) fn new(seed: u64, stream: &str, index: u64) -> Self {
        Self(mix(seed ^ mix(tag(stream) ^ mix(index))))
    }

    /// 64 bits for `what`.
    #[inline]
    pub(crate) fn draw(self, what: &str) -> u64 {
        mix(self.0 ^ tag(what))
    }

    /// A number in `0..bound`; 0 if `bound` is 0.
    #[inline]
    pub(crate) fn below(self, what: &str, bound: u64) -> u64 {
        self.draw(what).checked_rem(bound).unwrap_or(0)
    }

    /// A number in `low..=high`.
    #[inline]
    pub(crate) fn between(self, what: &str, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).unsigned_abs().saturating_add(1);
        low.saturating_add(i64::try_from(self.below(what, width)).unwrap_or(0))
    }

    /// True for one row in `n`.
    #[inline]
    pub(crate) fn one_in(self, what: &str, n: u64) -> bool {
        self.below(what, n) == 0
    }

    /// One of `words`.
    #[inline]
    pub(crate) fn pick<T: Copy + Default>(self, what: &str, words: &[T]) -> T {
        let at = usize::try_from(self.below(what, words.len() as u64)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    }

    /// The same row seen from another angle: the draws of its `n`-th part.
    #[inline]
    pub(crate) fn part(self, what: &str, n: u64) -> Self {
        Self(mix(self.0 ^ tag(what) ^ mix(n)))
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(self, what: &str) -> String {
        let high = self.draw(what);
        let low = mix(high);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

/// The finaliser of splitmix64.
#[inline]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a of a short name; the compiler folds it for literals.
#[inline]
fn tag(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
