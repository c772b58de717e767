#![doc = include_str!("../README.md")]

mod bell;
mod campaign;
mod checks;
mod course;
mod faults;
mod fleet;
mod ground;
mod keeper;
pub mod oracle;
mod person;
pub mod planted;
mod ports;
pub mod runtime;
pub mod scenario;
mod setup;
mod shrink;
pub mod source;
mod trace;
mod world;

pub use campaign::{Campaign, Tally, seeds};
pub use faults::{Fault, Injector, Plan, Point, Port, RetryAfter, Storm};
pub use setup::{Course, Keeping, Setup};
pub use shrink::shrink;
pub use trace::{Counters, Trace, Watch};
pub use world::{Outcome, run};

/// A third of a simulation's time went into small objects that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
