//! JSON text looked at byte by byte: parts are compared as they were written, so nothing is parsed into a tree.

use std::borrow::Cow;
use std::ops::Range;

/// The key and the place of the value of each member of an object, or nothing and the place of each element of an array;
/// no further than somebody asks.
struct Parts<'t> {
    text: &'t str,
    at: usize,
}

fn parts(text: &str) -> Parts<'_> {
    Parts { text, at: 1 }
}

impl<'t> Iterator for Parts<'t> {
    type Item = (&'t str, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut at = skip(bytes, self.at);
        bytes.get(at).filter(|byte| !b"}]".contains(byte))?;
        let mut key = "";
        if bytes.first() == Some(&b'{') {
            let end = end_of_value(bytes, at);
            key = self.text.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
            at = skip(bytes, end);
        }
        let end = end_of_value(bytes, at);
        self.at = end.max(at + 1);
        Some((key, at..end))
    }
}

/// Past white space, commas and colons.
fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| b" \t\r\n,:".contains(byte)).count()
}

/// Where the value that starts at `start` ends.
fn end_of_value(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut quoted, mut at) = (0_u32, false, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && !quoted && matches!(byte, b'"' | b'}' | b']') {
            return at;
        }
    }
    at
}

/// Where the value under a dotted key is.
fn place(text: &str, path: &str) -> Option<Range<usize>> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (_, range) = parts(text).find(|(key, _)| *key == first)?;
    let Some(rest) = rest else { return Some(range) };
    let inner = text.get(range.clone()).filter(|value| value.starts_with('{'))?;
    let inside = place(inner, rest)?;
    Some(range.start + inside.start..range.start + inside.end)
}

/// The text of the value under a dotted key.
pub(super) fn value<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    text.get(place(text, path)?)
}

/// The text of each element of the array under a dotted key, or of the object that is there; none if there is neither.
pub(super) fn elements<'a>(text: &'a str, path: &str) -> Vec<&'a str> {
    match value(text, path) {
        Some(object) if object.starts_with('{') => vec![object],
        Some(array) if array.starts_with('[') => {
            parts(array).filter_map(|(_, range)| array.get(range)).collect()
        }
        _ => Vec::new(),
    }
}

/// `text` with the values under `secrets` masked as the lake masks them: whatever is neither null nor empty.
pub(super) fn masked<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut places: Vec<_> = secrets.iter().filter_map(|path| place(text, path)).collect();
    places.retain(|range| !matches!(text.get(range.clone()), None | Some("null" | "\"\"")));
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    places.sort_unstable_by_key(|range| range.start);
    let mut out = text.to_owned();
    for range in places.into_iter().rev() {
        out.replace_range(range, "\"***\"");
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str =
        r#"{"a":{"jwt":"x,\"}","n":1},"id":7,"lines":[{"q":"[1"}, {"q":2},"three",4],"none":null,"s":""}"#;

    #[test]
    fn values_are_found_as_they_were_written() {
        assert_eq!(value(ROW, "id"), Some("7"));
        assert_eq!(value(ROW, "a.jwt"), Some(r#""x,\"}""#));
        assert_eq!(value(ROW, "jwt"), None);
        assert_eq!(elements(ROW, "lines"), [r#"{"q":"[1"}"#, r#"{"q":2}"#, "\"three\"", "4"]);
        assert_eq!(elements(ROW, "a"), [r#"{"jwt":"x,\"}","n":1}"#]);
        assert_eq!(elements(ROW, "none"), Vec::<&str>::new());
        assert_eq!(elements("{}", "lines"), Vec::<&str>::new());
    }

    #[test]
    fn secrets_are_masked_unless_there_is_none() {
        let text = masked(ROW, &["s", "none", "a.jwt", "absent", "id"]);
        assert_eq!(text, ROW.replace(r#""x,\"}""#, "\"***\"").replace("\"id\":7", "\"id\":\"***\""));
        assert!(matches!(masked(ROW, &["s", "none"]), Cow::Borrowed(_)));
    }
}
