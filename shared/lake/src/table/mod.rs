//! One table of the lake as Iceberg describes it. Nothing outside this folder names the `iceberg` crate.

mod advance;
mod avro;
mod columns;
mod desk;
mod inspect;
mod metadata;
mod plan;
#[cfg(test)]
mod scan;
mod schema;
mod statistics;

pub(crate) use advance::{Change, NewFile};
pub(crate) use inspect::Entry;
pub(crate) use metadata::{Metadata, Staged};
pub(crate) use plan::{Owner, Plan};

use model::{Error, ErrorKind};

fn failed(error: iceberg::Error) -> Error {
    let kind = match error.kind() {
        iceberg::ErrorKind::DataInvalid => ErrorKind::Storage,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "the table's metadata cannot be read or written").because(error)
}
