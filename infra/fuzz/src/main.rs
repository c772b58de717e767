//! The fuzzer: one program for all targets, `FUZZ_TARGET` says which.

#![allow(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the target comes from the environment; without one there is nothing to do"
)]
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match fuzz::TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => panic!("FUZZ_TARGET={wanted:?} names no target"),
    }
});

fuzz_target!(|data: &[u8]| TARGET(data));
