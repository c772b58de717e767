//! A JSON value that borrows its text: the truth looks at every row, so it builds no more than it has to.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value, with the keys of an object in their order.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    List(Vec<Seen<'a>>),
    Object(Vec<(Cow<'a, str>, Seen<'a>)>),
    /// Flags, and numbers that are no integers: nothing is counted about them.
    Other,
}

struct Eye;

impl<'de> Deserialize<'de> for Seen<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Eye)
    }
}

impl<'de> Visitor<'de> for Eye {
    type Value = Seen<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Seen<'de>, E> {
        Ok(Seen::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Seen<'de>, E> {
        Ok(Seen::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Seen<'de>, E> {
        Ok(i64::try_from(number).map_or(Seen::Other, Seen::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Seen<'de>, E> {
        Ok(Seen::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen<'de>, E> {
        Ok(Seen::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Seen::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Seen<'de>, A::Error> {
        let mut object = Vec::with_capacity(32);
        // read as a value, which borrows a key wherever it holds no escapes
        while let Some(key) = entries.next_key::<Seen<'de>>()? {
            let value = entries.next_value()?;
            if let Seen::Text(key) = key {
                object.push((key, value));
            }
        }
        Ok(Seen::Object(object))
    }
}
