#![doc = include_str!("../README.md")]

mod census;
mod dispatch;
mod extract;
mod harvest;
mod outlook;
mod passes;
mod periods;
mod port;
mod probe;
mod pull;
mod read;
mod rows;
mod rules;
mod stop;
mod sweep;
mod windows;
mod write;

pub use dispatch::{Dispatched, Dispatcher, Firing, plan, unknown_table};
pub use extract::{Outcome, Report, WINDOW_ROWS, Worker, extract};
pub use outlook::{Outlook, Reading, idle_requests, outlook};
pub use port::{Progress, Queue, Quiet};
pub use pull::{Pulled, Wanted, pull};
pub use rules::{settings_of, wrong_settings};
pub use stop::Stop;
pub use sweep::Brake;
