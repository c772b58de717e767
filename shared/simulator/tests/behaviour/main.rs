//! Each behaviour of the simulator, asked for in process; `server` asks on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod books;
mod control;
mod faults;
mod filters;
mod lists;
mod lives;
mod oauth;
mod oracle;
mod quirks;
mod relations;
mod report;
mod resources;
mod server;
mod shapes;
mod sums;
mod world;
mod writes;
