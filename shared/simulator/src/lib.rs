#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod book;
mod changes;
mod control;
mod control_api;
mod dice;
mod exchange;
mod faults;
mod filter;
mod identity;
mod list;
mod moment;
mod money;
mod oauth;
mod options;
mod query;
mod refusal;
mod report;
mod requests;
mod resources;
mod route;
mod row;
mod server;
mod spoil;
mod truth;
mod words;

pub use control::{Control, ControlError};
pub use exchange::{InProcess, SimulatedBusiness, Simulator};
pub use faults::{Fault, FaultBody, FaultKind};
pub use options::{DefaultStates, OAuthOptions, Options, Order, RetryAfter, UpdatedZone};
pub use requests::{RequestLine, Requests};
pub use server::Server;
pub use truth::Truth;
