#![doc = include_str!("../README.md")]

mod config;
pub mod contract;
mod folder;
mod http;
mod lock;
mod machine;
mod secrets;

pub use config::{Settings, safe_url};
pub use folder::Folder;
pub use http::{HttpOptions, HttpTransport};
pub use lock::FolderLock;
pub use machine::{OsRandom, SystemClock};
pub use secrets::SecretsFile;
