//! One form for Avro files, which depends on nothing but what is inside.
//!
//! Iceberg's writer takes a sync marker from the machine's randomness, and orders of hash tables. In the form made here
//! equal contents have equal bytes, so that a file's name can end in the digest of its content, as all names do: staged
//! again it is the same file, and a byte that is wrong is found.

use std::collections::BTreeMap;
use std::io::Read as _;

use apache_avro::types::Value;
use apache_avro::{Reader, to_avro_datum};
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"Obj\x01";
const MARKER: usize = 16;
/// Entries of the header with texts that have lists out of hash tables inside.
const SCHEMA: &str = "schema";
const CODEC: &str = "avro.codec";

/// The same file in the one form.
pub(super) fn canonical(bytes: &[u8]) -> Result<Bytes> {
    let mut header = header(bytes).ok_or_else(odd)?;
    if let Some(text) = header.get_mut(SCHEMA) {
        let mut schema: serde_json::Value = serde_json::from_slice(text).map_err(|e| odd().because(e))?;
        if let Some(serde_json::Value::Array(ids)) = schema.get_mut("identifier-field-ids") {
            ids.sort_by_key(serde_json::Value::as_i64);
        }
        *text = serde_json::to_vec(&schema).map_err(|e| odd().because(e))?;
    }
    header.insert(CODEC.to_owned(), b"null".to_vec());
    let reader = Reader::new(bytes).map_err(|e| odd().because(e))?;
    let schema = reader.writer_schema().clone();
    let (mut rows, mut count) = (Vec::new(), 0);
    for value in reader {
        let mut value = value.map_err(|e| odd().because(e))?;
        sort(&mut value);
        rows.extend(to_avro_datum(&schema, value).map_err(|e| odd().because(e))?);
        count += 1;
    }

    let mut out = MAGIC.to_vec();
    long(header.len(), &mut out);
    for (key, value) in &header {
        for part in [key.as_bytes(), value] {
            long(part.len(), &mut out);
            out.extend_from_slice(part);
        }
    }
    long(0, &mut out);
    let digest = Sha256::new().chain_update(&out).chain_update(&rows).finalize();
    let marker = digest.get(..MARKER).unwrap_or_default();
    out.extend_from_slice(marker);
    if count > 0 {
        long(count, &mut out);
        long(rows.len(), &mut out);
        out.extend_from_slice(&rows);
        out.extend_from_slice(marker);
    }
    Ok(out.into())
}

/// Maps with keys that are no text are lists of keys and values, in the order of a hash table.
fn sort(value: &mut Value) {
    match value {
        Value::Union(_, inner) => sort(inner),
        Value::Record(fields) => fields.iter_mut().for_each(|(_, field)| sort(field)),
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            if items.iter().all(|item| key(item).is_some()) {
                items.sort_by_key(key);
            }
        }
        _ => {}
    }
}

/// The key of an entry of a map that is written as a list.
fn key(entry: &Value) -> Option<i32> {
    let Value::Record(fields) = entry else { return None };
    match fields.as_slice() {
        [(key, Value::Int(id)), (value, _)] if key == "key" && value == "value" => Some(*id),
        _ => None,
    }
}

/// The entries of a file's header.
fn header(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut header = BTreeMap::new();
    loop {
        let mut count = read_long(&mut rest)?;
        if count == 0 {
            return Some(header);
        }
        if count < 0 {
            count = count.checked_neg()?;
            read_long(&mut rest)?;
        }
        for _ in 0..count {
            let key = String::from_utf8(read_bytes(&mut rest)?).ok()?;
            header.insert(key, read_bytes(&mut rest)?);
        }
    }
}

fn read_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(read_long(rest)?).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes.to_vec())
}

/// A number of variable length, the sign in its lowest bit.
fn read_long(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        rest.read_exact(&mut byte).ok()?;
        let [byte] = byte;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(i64::try_from(number >> 1).ok()? ^ -i64::try_from(number & 1).ok()?);
        }
    }
    None
}

fn long(number: usize, into: &mut Vec<u8>) {
    let mut rest = (number as u64) << 1;
    while rest > 0x7f {
        into.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
        rest >>= 7;
    }
    into.push(u8::try_from(rest).unwrap_or_default());
}

fn odd() -> Error {
    Error::new(ErrorKind::Internal, "a manifest that was just written cannot be read")
}
