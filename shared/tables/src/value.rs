//! The text of one JSON value to one typed value, exactly or not at all.

use std::borrow::Cow;

use model::time::{self, Zone};
use model::{Date, decimal};

use crate::declaration::Kind;
use crate::json;

/// One typed value of a row; text is borrowed from the page where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value<'a> {
    #[default]
    Null,
    Int(i64),
    Bool(bool),
    Text(Cow<'a, str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00Z, and the text it was read from.
    Instant(Option<i64>, Cow<'a, str>),
    /// An integer scaled by the column's decimals, and the currency.
    Money(i128, Option<Cow<'a, str>>),
    Decimal(i128),
}

/// What a value is that does not fit its column: `"abc" is not a decimal number`.
pub(crate) type Misfit = String;

/// Types the JSON text `json` as `kind`.
pub(crate) fn parse(kind: Kind, json: &str) -> Result<Value<'_>, Misfit> {
    if json == "null" {
        return Ok(Value::Null);
    }
    match kind {
        Kind::Json => Ok(Value::Text(Cow::Borrowed(json))),
        Kind::Text => scalar(json).map(Value::Text),
        Kind::Bool => match json {
            "true" | "1" | "\"true\"" => Ok(Value::Bool(true)),
            "false" | "0" | "\"false\"" => Ok(Value::Bool(false)),
            _ => Err(misfit(json, "true or false")),
        },
        Kind::Int => int(json),
        Kind::Decimal(scale) => {
            let text = number(json)?;
            if text.is_empty() {
                return Ok(Value::Null);
            }
            decimal::parse(&text, scale).map(Value::Decimal).map_err(|e| misfit(json, &e.to_string()))
        }
        Kind::Money(scale) => money(json, scale),
        Kind::Date => {
            let text = scalar(json)?;
            if is_no_date(&text) {
                return Ok(Value::Null);
            }
            time::parse_date(&text).map(|d| Value::Date(days(d))).map_err(|e| misfit(json, &e.to_string()))
        }
        Kind::Instant(zone) => instant(json, zone),
    }
}

/// FreshBooks' ways of saying that there is no date.
fn is_no_date(text: &str) -> bool {
    text.is_empty() || text.starts_with("0000-00-00")
}

fn instant(json: &str, zone: Zone) -> Result<Value<'_>, Misfit> {
    let text = scalar(json)?;
    if is_no_date(&text) {
        return Ok(Value::Instant(None, text));
    }
    match time::parse_instant(&text, zone) {
        Ok(at) => Ok(Value::Instant(Some(at.as_microsecond()), text)),
        // `2019-09-13 08:16:74` was seen: no instant, but the text is kept beside it, so nothing is lost.
        Err(_) if text.get(..10).is_some_and(|day| time::parse_date(day).is_ok()) => {
            Ok(Value::Instant(None, text))
        }
        Err(e) => Err(misfit(json, &e.to_string())),
    }
}

fn int(json: &str) -> Result<Value<'_>, Misfit> {
    let text = number(json)?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if let Ok(value) = text.parse() {
        return Ok(Value::Int(value));
    }
    // `7.0` and `7e2` are integers too, written by another hand.
    decimal::parse(&text, 0)
        .ok()
        .and_then(|value| i64::try_from(value).ok())
        .map(Value::Int)
        .ok_or_else(|| misfit(json, "not an integer"))
}

/// `{"amount":"41.94","code":"CAD"}`; some resources send the bare amount.
fn money(json: &str, scale: u8) -> Result<Value<'_>, Misfit> {
    if !json.starts_with('{') {
        let text = number(json)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let amount = decimal::parse(&text, scale).map_err(|e| misfit(json, &e.to_string()))?;
        return Ok(Value::Money(amount, None));
    }
    let mut amount = None;
    let mut code = None;
    let mut other = None;
    json::entries(json, |key, value| match key.as_ref() {
        "amount" => amount = Some(value),
        "code" => code = Some(value),
        _ => other = Some(key),
    })
    .map_err(|e| misfit(json, &e.to_string()))?;
    if let Some(key) = other {
        return Err(misfit(json, &format!("not money: it has a key {key:?}")));
    }
    let code = match code {
        None | Some("null") => None,
        Some(code) => Some(scalar(code)?),
    };
    match amount {
        None | Some("null") if code.is_none() => Ok(Value::Null),
        None | Some("null") => Err(misfit(json, "not money: it has no amount")),
        Some(amount) => {
            let amount = number(amount)?;
            let amount = decimal::parse(&amount, scale).map_err(|e| misfit(json, &e.to_string()))?;
            Ok(Value::Money(amount, code))
        }
    }
}

/// The text of a number, quoted or not.
fn number(json: &str) -> Result<Cow<'_, str>, Misfit> {
    match json.as_bytes().first() {
        Some(b'"' | b'-' | b'0'..=b'9') => scalar(json),
        _ => Err(misfit(json, "not a number")),
    }
}

/// The text of a string, or of a number or boolean as written.
fn scalar(json: &str) -> Result<Cow<'_, str>, Misfit> {
    let bytes = json.as_bytes();
    match bytes.first() {
        Some(b'"') => match json.get(1..json.len().saturating_sub(1)) {
            Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
            _ => {
                serde_json::from_str::<String>(json).map(Cow::Owned).map_err(|e| misfit(json, &e.to_string()))
            }
        },
        Some(b'{' | b'[') => Err(misfit(json, "not a single value")),
        _ => Ok(Cow::Borrowed(json)),
    }
}

fn misfit(json: &str, why: &str) -> Misfit {
    let mut shown: String = json.chars().take(60).collect();
    if shown.len() < json.len() {
        shown.push('…');
    }
    format!("{shown} is {why}")
}

/// Days since 1970-01-01.
pub(crate) fn days(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    // Within the years that a date can hold, days fit an i32 many times over.
    date.since(epoch).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(kind: Kind, json: &str) -> String {
        match parse(kind, json) {
            Ok(value) => format!("{value:?}"),
            Err(misfit) => misfit,
        }
    }

    #[test]
    fn numbers_come_bare_or_quoted_and_stay_exact() {
        assert_eq!(show(Kind::Int, "7"), "Int(7)");
        assert_eq!(show(Kind::Int, "\"7\""), "Int(7)");
        assert_eq!(show(Kind::Int, "7.0"), "Int(7)");
        assert_eq!(show(Kind::Int, "\"\""), "Null");
        assert_eq!(show(Kind::Int, "7.5"), "7.5 is not an integer");
        assert_eq!(show(Kind::Int, "true"), "true is not a number");
        assert_eq!(show(Kind::Decimal(2), "0.1"), "Decimal(10)");
        assert_eq!(show(Kind::Decimal(2), "0.123"), "0.123 is more precise than the column keeps");
    }

    #[test]
    fn money_is_an_amount_and_its_currency() {
        assert_eq!(show(Kind::Money(2), r#"{"amount":"-4.40","code":"CAD"}"#), r#"Money(-440, Some("CAD"))"#);
        assert_eq!(show(Kind::Money(2), r#"{"code":"CAD","amount":41.94}"#), r#"Money(4194, Some("CAD"))"#);
        assert_eq!(show(Kind::Money(2), "\"340.54\""), "Money(34054, None)");
        assert_eq!(show(Kind::Money(2), "null"), "Null");
        assert!(show(Kind::Money(2), r#"{"amount":null,"code":"CAD"}"#).ends_with("has no amount"));
        assert!(
            show(Kind::Money(2), r#"{"amount":"1","code":"CAD","count":2}"#).ends_with(r#"a key "count""#)
        );
    }

    #[test]
    fn days_and_instants() {
        assert_eq!(show(Kind::Date, "\"1970-01-02\""), "Date(1)");
        assert_eq!(show(Kind::Date, "\"0000-00-00\""), "Null");
        assert_eq!(show(Kind::Date, "\"2026-02-30\""), "\"2026-02-30\" is not a date like 2026-03-31");
        assert_eq!(
            show(Kind::Instant(Zone::Eastern), "\"1970-01-01 00:00:00\""),
            "Instant(Some(18000000000), \"1970-01-01 00:00:00\")"
        );
    }

    #[test]
    fn text_keeps_unicode_and_refuses_what_is_no_text() {
        assert_eq!(show(Kind::Text, r#""Zo\u00eb \"Z\"""#), r#"Text("Zoë \"Z\"")"#);
        assert_eq!(show(Kind::Text, "12"), "Text(\"12\")");
        assert!(show(Kind::Text, r#"{"a":1}"#).ends_with("is not a single value"));
        assert!(parse(Kind::Text, r#""\ud800""#).is_err(), "half a surrogate pair is no text");
    }
}
