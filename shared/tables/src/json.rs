//! Walking an object of JSON text without building a tree: each key with the text of its value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Calls `each` with every key and the text of its value, in order. Text behind the object is an error.
pub fn entries<'a>(
    object: &'a str,
    mut each: impl FnMut(Cow<'a, str>, &'a str),
) -> Result<(), serde_json::Error> {
    struct Entries<F>(F);
    impl<'a, F: FnMut(Cow<'a, str>, &'a str)> Visitor<'a> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some(Key(key)) = map.next_key()? {
                let value: &'a RawValue = map.next_value()?;
                (self.0)(key, value.get());
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(Entries(&mut each))?;
    deserializer.end()
}

/// Calls `each` with the text of every element, in order. Text behind the array is an error.
pub fn elements<'a>(array: &'a str, mut each: impl FnMut(&'a str)) -> Result<(), serde_json::Error> {
    struct Elements<F>(F);
    impl<'a, F: FnMut(&'a str)> Visitor<'a> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(value) = seq.next_element::<&'a RawValue>()? {
                (self.0)(value.get());
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(array);
    deserializer.deserialize_seq(Elements(&mut each))?;
    deserializer.end()
}

/// The text of the value at `path`, dotted: the last one where a key is there twice. Nothing where something on the way is
/// missing or no object.
pub fn find<'a>(object: &'a str, path: &str) -> Result<Option<&'a str>, serde_json::Error> {
    let mut here = object;
    for step in path.split('.') {
        if !here.trim_start().starts_with('{') {
            return Ok(None);
        }
        let mut found = None;
        entries(here, |key, value| {
            if key == step {
                found = Some(value);
            }
        })?;
        let Some(value) = found else { return Ok(None) };
        here = value;
    }
    Ok(Some(here))
}

/// Calls `each` with the text of every element of an array; what is no array is its own only element.
pub fn each<'a>(text: &'a str, mut each: impl FnMut(&'a str)) -> Result<(), serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return elements(text, each);
    }
    each(text);
    Ok(())
}

/// A key, borrowed from the text unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_the_end_is_not_overlooked() {
        assert!(entries(r#"{"a":1} "#, |_, _| {}).is_ok());
        assert!(elements("[1,2] ", |_| {}).is_ok());
        for bad in [r#"{"a":1}}"#, r#"{"a":1}{"a":2}"#, r#"{"a":1}garbage"#, r#"{"a":1"#] {
            assert!(entries(bad, |_, _| {}).is_err(), "{bad}");
        }
        for bad in ["[1,2]]", "[1,2],3", "[1,2"] {
            assert!(elements(bad, |_| {}).is_err(), "{bad}");
        }
    }
}
