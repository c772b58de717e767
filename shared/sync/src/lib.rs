#![doc = include_str!("../README.md")]

mod port;

pub use port::Queue;
