#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a target says by a panic what it found"
)]

mod answer;
mod commit;
mod envelope;
mod grant;
mod site;
pub mod stage;
mod task;

/// A target: what it is called, and what it does with bytes from outside. It panics where a promise is broken.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("page", envelope::page),
    ("rows", envelope::rows),
    ("error_body", answer::error_body),
    ("answer", answer::answer),
    ("identity", answer::identity),
    ("commit", commit::commit),
    ("seen", commit::seen),
    ("grant", grant::grant),
    ("event", task::event),
    ("cookie", site::cookie),
    ("state", site::state),
];

pub use site::{invite, session};
