//! The ports of the engine, each with its faults.

pub(crate) mod clock;
pub(crate) mod objects;
pub(crate) mod queue;
pub(crate) mod secrets;
pub(crate) mod tables;
pub(crate) mod transport;
