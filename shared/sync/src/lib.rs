#![doc = include_str!("../README.md")]

mod census;
mod dispatch;
mod each;
mod extract;
mod harvest;
mod memory;
mod parents;
mod passes;
mod periods;
mod port;
mod probe;
mod pull;
mod read;
mod rows;
mod stop;
mod sweep;
mod trial;
mod windows;
mod write;

pub use dispatch::{Dispatched, Dispatcher, Firing, plan, unknown_table};
pub use extract::{Outcome, Reach, Report, WINDOW_ROWS, Worker, extract};
pub use port::{Progress, Queue, Quiet};
pub use pull::{Pulled, Wanted, pull};
pub use stop::Stop;
pub use sweep::Brake;
