#![doc = include_str!("../README.md")]

mod census;
mod dispatch;
mod each;
mod extract;
mod harvest;
mod memory;
mod outlook;
mod parents;
mod passes;
mod periods;
mod port;
mod probe;
mod pull;
mod read;
mod rows;
mod rules;
mod step;
mod stop;
mod sweep;
mod tally;
mod trial;
mod windows;
mod write;

pub use dispatch::{Dispatched, Dispatcher, Firing, plan, unknown_table};
pub use extract::{Outcome, Reach, Report, WINDOW_ROWS, Worker, extract};
pub use outlook::{Outlook, PerRow, Reading, idle_requests, outlook};
pub use port::{Progress, Queue, Quiet};
pub use pull::{Pulled, Wanted, pull};
pub use rules::{settings_of, wrong_settings};
pub use stop::Stop;
pub use sweep::Brake;
