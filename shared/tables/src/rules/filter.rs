//! Which rows come: conditions on declared columns, joined by `and`.
//!
//! ```text
//! condition  = comparison { "and" comparison }
//! comparison = column ( "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
//!            | column [ "not" ] "in" "(" value { "," value } ")"
//!            | column "is" [ "not" ] "null"
//! value      = 'text' | number | true | false
//! ```
//!
//! As in SQL, a null is neither equal to a value nor unequal. Days and instants are written as texts.

mod token;

use std::cmp::Ordering;

use model::time::Zone;

use super::check::nearest;
use super::{Part, both};
use crate::declaration::{Column, Kind};
use crate::value::{self, Value};
use token::{Token, tokens};

/// All of these hold.
#[derive(Debug)]
pub(super) struct Filter(Vec<Comparison>);

#[derive(Debug)]
struct Comparison {
    /// The column's place.
    at: usize,
    /// Whether it is the currency of an amount that counts.
    code: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Null(bool),
    Is(Operator, Value<'static>),
    In(bool, Vec<Value<'static>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Filter {
    /// Reads a condition on the columns of `part`, or tells everything that is wrong with it.
    pub(super) fn parse(part: Part, text: &str) -> Result<Self, Vec<String>> {
        let tokens = tokens(text).map_err(|wrong| vec![wrong])?;
        let mut reader = Reader { part, tokens: tokens.into_iter().peekable(), problems: Vec::new() };
        let mut comparisons = Vec::new();
        loop {
            match reader.comparison() {
                Ok(comparison) => comparisons.extend(comparison),
                Err(wrong) => {
                    reader.problems.push(wrong);
                    return Err(reader.problems);
                }
            }
            match reader.tokens.next() {
                None => break,
                Some(Token::Word(word)) if word.eq_ignore_ascii_case("and") => {}
                Some(Token::Word(word)) if word.eq_ignore_ascii_case("or") => {
                    reader
                        .problems
                        .push("conditions are joined by and only; in (…) takes several values".to_owned());
                    return Err(reader.problems);
                }
                Some(other) => {
                    reader.problems.push(format!(
                        "{} does not belong here: conditions are joined by and",
                        other.shown()
                    ));
                    return Err(reader.problems);
                }
            }
        }
        if reader.problems.is_empty() { Ok(Self(comparisons)) } else { Err(reader.problems) }
    }

    /// Whether a row with these values comes.
    pub(super) fn holds(&self, values: &[Value<'_>]) -> bool {
        self.0.iter().all(|comparison| {
            let value = values.get(comparison.at).unwrap_or(&Value::Null);
            match value {
                Value::Money(_, code) if comparison.code => {
                    let code = code.as_ref().map_or(Value::Null, |code| Value::Text(code.clone()));
                    comparison.test.holds(&code)
                }
                value => comparison.test.holds(value),
            }
        })
    }
}

impl Test {
    fn holds(&self, value: &Value<'_>) -> bool {
        let is_null = matches!(value, Value::Null | Value::Instant(None, _));
        match self {
            Self::Null(wanted) => is_null == *wanted,
            _ if is_null => false,
            Self::Is(operator, other) => order(value, other).is_some_and(|order| match operator {
                Operator::Equal => order.is_eq(),
                Operator::Unequal => order.is_ne(),
                Operator::Less => order.is_lt(),
                Operator::AtMost => order.is_le(),
                Operator::Greater => order.is_gt(),
                Operator::AtLeast => order.is_ge(),
            }),
            Self::In(wanted, others) => {
                others.iter().any(|other| order(value, other).is_some_and(Ordering::is_eq)) == *wanted
            }
        }
    }
}

fn order(value: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    Some(match (value, other) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Instant(a, _), Value::Instant(b, _)) => a.cmp(b),
        (Value::Money(a, _) | Value::Decimal(a), Value::Money(b, _) | Value::Decimal(b)) => a.cmp(b),
        _ => return None,
    })
}

struct Reader {
    part: Part,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    problems: Vec<String>,
}

impl Reader {
    /// One comparison; nothing where its column or a value is wrong, which is told when all is read.
    fn comparison(&mut self) -> Result<Option<Comparison>, String> {
        let name = match self.tokens.next() {
            Some(Token::Word(name)) => name,
            Some(other) => return Err(format!("{} is no column", other.shown())),
            None => return Err("a column is missing at the end".to_owned()),
        };
        let column = self.column(&name);
        let kind = column.map(|(_, code, column)| if code { Kind::Text } else { column.kind });
        let test = match self.tokens.next() {
            Some(Token::Operator(operator)) => {
                let value = self.value(&name, kind)?;
                value.map(|value| Test::Is(operator, value))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("is") => {
                let negated = self.word("not");
                if !self.word("null") {
                    return Err(format!("{name} is … has to be is null or is not null"));
                }
                Some(Test::Null(!negated))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => self.list(&name, kind, true)?,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                if !self.word("in") {
                    return Err(format!("{name} not … has to be not in (…)"));
                }
                self.list(&name, kind, false)?
            }
            Some(other) => return Err(format!("{} is no comparison of {name}", other.shown())),
            None => return Err(format!("what {name} has to be is missing")),
        };
        let Some((at, code, column)) = column else { return Ok(None) };
        if column.kind == Kind::Json && !matches!(test, Some(Test::Null(_))) {
            self.problems.push(format!("{name} is JSON: only is null and is not null can be asked of it"));
        }
        Ok(test.map(|test| Comparison { at, code, test }))
    }

    fn column(&mut self, name: &str) -> Option<(usize, bool, &'static Column)> {
        let columns = self.part.columns();
        for (at, column) in columns.iter().enumerate() {
            let companion = both(column).position(|known| known == name);
            match (companion, column.kind) {
                (Some(0), _) => return Some((at, false, column)),
                (Some(_), Kind::Money(_)) => return Some((at, true, column)),
                _ => {}
            }
        }
        self.problems.push(format!("{} has no column {name}{}", self.part.name(), nearest(self.part, name)));
        None
    }

    fn word(&mut self, wanted: &str) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted));
        self.tokens.next_if(is).is_some()
    }

    fn list(&mut self, name: &str, kind: Option<Kind>, wanted: bool) -> Result<Option<Test>, String> {
        if self.tokens.next_if_eq(&Token::Open).is_none() {
            return Err(format!("{name} in … has to be in (value, value)"));
        }
        let mut values = Vec::new();
        let mut all = true;
        loop {
            let value = self.value(name, kind)?;
            all &= value.is_some();
            values.extend(value);
            match self.tokens.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(all.then_some(Test::In(wanted, values))),
                _ => return Err(format!("the values of {name} in (…) are not closed")),
            }
        }
    }

    /// A value, typed as the column is.
    fn value(&mut self, name: &str, kind: Option<Kind>) -> Result<Option<Value<'static>>, String> {
        let (json, shown) = match self.tokens.next() {
            Some(Token::Text(text)) => {
                (serde_json::to_string(&text).unwrap_or_default(), format!("'{text}'"))
            }
            Some(Token::Word(word)) if ["true", "false"].contains(&&*word.to_ascii_lowercase()) => {
                (word.to_ascii_lowercase(), word)
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => {
                return Err(format!("nothing equals null: say {name} is null"));
            }
            Some(Token::Word(word)) => {
                return Err(format!("{word} has to be a value: texts are written '{word}'"));
            }
            Some(Token::Number(number)) => (number.clone(), number),
            Some(other) => return Err(format!("{} is no value for {name}", other.shown())),
            None => return Err(format!("the value for {name} is missing")),
        };
        let Some(kind) = kind else { return Ok(None) };
        let value = typed(kind, &json);
        if value.is_none() {
            self.problems.push(format!("{shown} is no value of {name}, which is {}", wanted(kind)));
        }
        Ok(value)
    }
}

fn typed(kind: Kind, json: &str) -> Option<Value<'static>> {
    let quoted = json.starts_with('"');
    let day = || match value::parse(Kind::Date, json) {
        // An instant is compared with the beginning of a day, in UTC.
        Ok(Value::Date(days)) => Some(i64::from(days) * 86_400_000_000),
        _ => None,
    };
    Some(match (kind, value::parse(kind, json)) {
        (Kind::Text, Ok(Value::Text(text))) if quoted => Value::Text(text.into_owned().into()),
        (Kind::Bool, Ok(Value::Bool(v))) if ["true", "false"].contains(&json) => Value::Bool(v),
        (Kind::Int, Ok(Value::Int(v))) if !quoted => Value::Int(v),
        (Kind::Decimal(_), Ok(Value::Decimal(v))) if !quoted => Value::Decimal(v),
        (Kind::Money(_), Ok(Value::Money(v, _))) if !quoted => Value::Decimal(v),
        (Kind::Date, Ok(Value::Date(v))) => Value::Date(v),
        (Kind::Instant(_), _) => {
            let at = match value::parse(Kind::Instant(Zone::Utc), json) {
                Ok(Value::Instant(Some(at), _)) => at,
                _ => day()?,
            };
            Value::Instant(Some(at), "".into())
        }
        // Asked of JSON, which is told elsewhere.
        (Kind::Json, Ok(_)) => Value::Null,
        _ => return None,
    })
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "an integer",
        Kind::Text => "a text: 'draft'",
        Kind::Bool => "true or false",
        Kind::Date => "a day: '2026-03-31'",
        Kind::Instant(_) => "an instant in UTC: '2026-03-31' or '2026-03-31T09:30:00Z'",
        Kind::Money(_) | Kind::Decimal(_) => "a number",
        Kind::Json => "JSON",
    }
}
