#![doc = include_str!("../README.md")]

mod app;
mod broker;
mod connection;
mod endpoint;
mod grant;
mod port;
mod random;
mod site;
mod token;
mod worker;

pub use app::App;
pub use broker::Broker;
pub use connection::Connection;
pub use grant::{Grant, State, Tokens, secret_name};
pub use port::{Moved, SecretStore, SecretVersion, Stage, VersionId};
pub use site::{ConnectSite, Invite, READ_SCOPES};
pub use token::{AccessToken, RefreshToken};
pub use worker::ConnectionTokens;
