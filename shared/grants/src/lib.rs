#![doc = include_str!("../README.md")]

mod port;

pub use port::{Moved, SecretStore, SecretVersion, Stage, VersionId};
