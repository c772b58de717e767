#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod book;
mod changes;
mod chart;
mod control;
mod control_api;
mod dice;
mod exchange;
mod faults;
mod filter;
mod identity;
mod in_process;
mod ledger;
mod list;
mod mishap;
mod moment;
mod money;
mod oauth;
mod options;
mod papers;
mod query;
mod refusal;
mod reports;
mod requests;
mod resources;
mod route;
mod row;
mod seen;
mod server;
mod spoil;
mod truth;
mod views;
mod words;
mod writes;

pub use book::State;
pub use control::{Control, ControlError};
pub use exchange::{SimulatedBusiness, Simulator};
pub use faults::{Fault, FaultBody, FaultKind};
pub use in_process::InProcess;
pub use options::{
    DefaultStates, OAuthOptions, Options, Order, OutOfScope, PaymentErrors, RetryAfter, StaffKey,
    UpdatedZone, VisStateWithWindow,
};
pub use requests::{RequestLine, Requests};
pub use server::Server;
pub use truth::Truth;
