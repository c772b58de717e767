//! Exact decimals: text to a scaled integer, without a float in between and without rounding.

/// The precision of every DECIMAL column: as many digits as an `i128` surely holds.
pub const PRECISION: u8 = 38;

/// Why a text is not a decimal of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a number at all.
    #[error("not a decimal number")]
    NotANumber,
    /// Significant digits behind the scale: they would have to be rounded away.
    #[error("more precise than the column keeps")]
    TooManyDecimals,
    /// More digits than DECIMAL(38) holds.
    #[error("larger than a decimal column holds")]
    TooLarge,
}

/// Parses `text` (`-12.50`, `1e3`) into an integer scaled by `10^scale`.
///
/// Zeros behind the scale are dropped, any other digit there is an error: nothing is ever rounded.
pub fn parse(text: &str, scale: u8) -> Result<i128, DecimalError> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        None => (text, 0_i32),
        Some(at) => {
            let exponent = text[at + 1..].parse().map_err(|_| DecimalError::NotANumber)?;
            (&text[..at], exponent)
        }
    };
    let (negative, digits) = match mantissa.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let mut value: i128 = 0;
    // Decimals still owed: counts down from `scale` behind the point, shifted by the exponent.
    let mut owed = i32::from(scale).saturating_add(exponent);
    let mut behind_point = false;
    let mut any_digit = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                any_digit = true;
                if behind_point {
                    if owed <= 0 {
                        if byte != b'0' {
                            return Err(DecimalError::TooManyDecimals);
                        }
                        continue;
                    }
                    owed -= 1;
                }
                value = value
                    .checked_mul(10)
                    .and_then(|v| v.checked_add(i128::from(byte - b'0')))
                    .ok_or(DecimalError::TooLarge)?;
            }
            b'.' if !behind_point => behind_point = true,
            _ => return Err(DecimalError::NotANumber),
        }
    }
    if !any_digit {
        return Err(DecimalError::NotANumber);
    }
    if value != 0 {
        for _ in 0..owed.unsigned_abs() {
            value = if owed > 0 {
                value.checked_mul(10).ok_or(DecimalError::TooLarge)?
            } else if value % 10 == 0 {
                value / 10
            } else {
                return Err(DecimalError::TooManyDecimals);
            };
        }
    }
    if value > MAX { Err(DecimalError::TooLarge) } else { Ok(if negative { -value } else { value }) }
}

const MAX: i128 = 10_i128.pow(PRECISION as u32) - 1;

/// Writes a scaled integer as plain decimal text: `format(-1250, 2)` is `-12.50`.
pub fn format(value: i128, scale: u8) -> String {
    let digits = value.unsigned_abs().to_string();
    let sign = if value < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, decimals) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{decimals}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_keep_every_digit_or_are_refused() {
        assert_eq!(parse("41.94", 2), Ok(4194));
        assert_eq!(parse("-500", 2), Ok(-50000));
        assert_eq!(parse("-10.000", 2), Ok(-1000));
        assert_eq!(parse(".5", 1), Ok(5));
        assert_eq!(parse("1e3", 2), Ok(100_000));
        assert_eq!(parse("1500e-2", 1), Ok(150));
        assert_eq!(parse("0e-99999", 1), Ok(0));
        assert_eq!(parse("7.60133524082021936099189318", 26), Ok(760_133_524_082_021_936_099_189_318));
        assert_eq!(parse("41.941", 2), Err(DecimalError::TooManyDecimals));
        assert_eq!(parse("1e-3", 2), Err(DecimalError::TooManyDecimals));
        assert_eq!(parse(&"9".repeat(39), 0), Err(DecimalError::TooLarge));
        assert_eq!(parse("1e999999", 0), Err(DecimalError::TooLarge));
        for bad in ["", "-", ".", "1.2.3", "1,200", "NaN", "0x1", " 1", "1 ", "1e", "--1"] {
            assert_eq!(parse(bad, 2), Err(DecimalError::NotANumber), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in -MAX..=MAX, scale in 0_u8..=26) {
            prop_assert_eq!(parse(&format(value, scale), scale), Ok(value));
        }
    }
}
