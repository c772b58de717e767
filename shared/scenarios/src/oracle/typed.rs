//! Typed columns against the text that they came from.

use super::facts::{Ends, Facts};
use super::file::Batch;
use super::text;

/// What is wrong with the typed columns of a row whose text is `raw`; nothing if they are right.
pub(super) fn wrong(facts: &Facts, batch: &Batch, row: usize, raw: &str) -> Option<String> {
    let value = |key: &str| text::value(raw, key).filter(|text| *text != "null");
    let deleted = match facts.ends {
        Ends::VisState => value("vis_state") == Some("1"),
        Ends::Active => value("active") == Some("false"),
        Ends::Vanishes => false,
    };
    if batch.flag("_is_deleted", row) != Some(deleted) {
        return Some(format!(
            "_is_deleted is {:?} of a row that says {deleted}",
            batch.flag("_is_deleted", row)
        ));
    }
    if facts.ends == Ends::VisState {
        let (typed, said) = (batch.int("vis_state", row), value("vis_state"));
        if typed.map(|state| state.to_string()).as_deref() != said {
            return Some(format!("vis_state is {typed:?} of a row that says {said:?}"));
        }
    }
    if let Some(column) = facts.amount {
        let said =
            value(column).map(|said| if said.starts_with('{') { value_in(said, "amount") } else { said });
        let said = said.map(|said| said.trim_matches('"'));
        let typed = batch.decimal(column, row);
        let same = match (&typed, said) {
            (Some(typed), Some(said)) => plain(typed) == plain(said),
            (typed, said) => typed.is_none() && said.is_none(),
        };
        if !same {
            return Some(format!("{column} is {typed:?} of a row that says {said:?}"));
        }
    }
    None
}

fn value_in<'a>(object: &'a str, key: &str) -> &'a str {
    text::value(object, key).unwrap_or_default()
}

/// Whether negative, the whole part and the decimals, without needless zeros.
fn plain(number: &str) -> (bool, &str, &str) {
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    (negative && !(whole.is_empty() && part.is_empty()), whole, part)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn numbers_are_equal_to_the_last_place_only() {
        assert_eq!(plain("0041.9400"), plain("41.94"));
        assert_eq!(plain("-0.00"), plain("0"));
        assert_ne!(plain("41.94"), plain("-41.94"));
        assert_ne!(plain("41.940000000001"), plain("41.94"));
    }
}
