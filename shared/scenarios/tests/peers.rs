//! What other FreshBooks and accounting connectors are known to get wrong when they fetch, one test each. The public issue
//! stands with it.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]

#[path = "peers/landed.rs"]
mod landed;
#[path = "peers/rows.rs"]
mod rows;
#[path = "peers/time.rs"]
mod time;
#[path = "peers/values.rs"]
mod values;
mod world;
