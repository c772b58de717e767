#![doc = include_str!("../README.md")]

mod certificate;
pub mod decimal;
mod error;
mod id;
pub mod planted;
pub mod port;
mod settings;
mod task;
pub mod time;

pub use certificate::{Certificate, TableStatus};
pub use error::{Action, Error, ErrorKind, Result};
pub use id::{AccountId, BusinessId, ConnectionName, InvalidName, OtherIds, RunId, TableName, TaskId, Unit};
pub use jiff::{Timestamp, civil::Date};
pub use settings::TableSettings;
pub use task::{Cursor, Mode, Task};
