#![doc = include_str!("../README.md")]

mod access;
mod budget;
mod client;
mod identity;
mod page;
mod request;
mod trouble;

pub use budget::{Budget, Patience};
pub use client::{Answer, Client, FixedToken, Tokens};
pub use identity::{Business, IDENTITY_PATH, Identity};
pub use page::Page;
pub use request::{Lifecycle, PER_PAGE, Request, Since};
pub use trouble::{ApiError, Trouble};
