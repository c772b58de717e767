//! Amounts as FreshBooks writes them: decimal text beside an ISO currency.

use std::fmt;

/// The currencies that the simulated businesses trade in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Currency {
    #[default]
    Cad,
    Usd,
    Eur,
    Gbp,
    /// Has no minor unit: `1200`, not `1200.00`.
    Jpy,
}

impl Currency {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Cad => "CAD",
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Jpy => "JPY",
        }
    }

    pub(crate) const fn has_cents(self) -> bool {
        !matches!(self, Self::Jpy)
    }

    /// A price tag in hundredths of a main unit, as this currency would carry it.
    pub(crate) fn price(self, hundredths: i64) -> Money {
        // About a hundred yen to the dollar: the hundredths already are a believable amount of yen.
        Money { minor: hundredths, currency: self }
    }
}

/// An amount in the smallest unit of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) minor: i64,
    pub(crate) currency: Currency,
}

impl Money {
    /// Writes the amount: most of the bytes of a page are amounts, so this does without formatting.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let value = self.minor.unsigned_abs();
        if self.minor < 0 {
            out.push(b'-');
        }
        // writing a number to a `Vec` never fails
        if self.currency.has_cents() {
            let _ = serde_json::to_writer(&mut *out, &(value / 100));
            out.push(b'.');
            push_two_digits(out, value % 100);
        } else {
            let _ = serde_json::to_writer(&mut *out, &value);
        }
    }
}

/// Writes a number below 100 as two digits.
pub(crate) fn push_two_digits(out: &mut Vec<u8>, number: u64) {
    let digit = |value: u64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    out.extend_from_slice(&[digit(number / 10), digit(number)]);
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.currency.has_cents() { Hundredths(self.minor).fmt(f) } else { self.minor.fmt(f) }
    }
}

/// A number with exactly two decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hundredths(pub(crate) i64);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", value / 100, value % 100)
    }
}

/// A number of thousandths without trailing zeros: `13`, `9.975`, `0.5`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thousandths(pub(crate) i64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0.unsigned_abs() % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// `amount * thousandths / 1000`, halves away from zero.
pub(crate) fn share(amount: i64, thousandths: i64) -> i64 {
    let product = i128::from(amount) * i128::from(thousandths);
    let half = if product < 0 { -500 } else { 500 };
    i64::try_from((product + half) / 1000).unwrap_or(0)
}
