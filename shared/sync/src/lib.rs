#![doc = include_str!("../README.md")]

mod dispatch;
mod extract;
mod passes;
mod port;
mod pull;
mod read;
mod rows;
mod stop;
mod write;

pub use dispatch::{Dispatched, Dispatcher, Firing, plan, unknown_table};
pub use extract::{Outcome, Report, Worker, extract};
pub use port::{Progress, Queue, Quiet};
pub use pull::{Pulled, pull};
pub use stop::Stop;
