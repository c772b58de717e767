//! From a failing run to the few faults that it takes.

use crate::faults::{Fault, Plan};
use crate::setup::Setup;
use crate::world;

/// Runs that a search may take.
const MOST_RUNS: u32 = 120;

/// The fewest of `struck` with which `setup` still breaks a promise, or `None` if a replay of all of them does not.
pub fn shrink(setup: &Setup, struck: &[(u64, Fault)]) -> Option<Vec<(u64, Fault)>> {
    let fails = |list: &[(u64, Fault)]| {
        let setup = Setup { plan: Plan::List(list.to_vec()), ..setup.clone() };
        !world::run(setup, false).violations.is_empty()
    };
    if !fails(struck) {
        return None;
    }
    let mut list = struck.to_vec();
    let mut piece = list.len().div_ceil(2);
    let mut runs = 0;
    while piece > 0 && runs < MOST_RUNS {
        let mut at = 0;
        while at < list.len() && runs < MOST_RUNS {
            let mut fewer = list.clone();
            fewer.drain(at..(at + piece).min(list.len()));
            runs += 1;
            if fails(&fewer) {
                list = fewer;
            } else {
                at += piece;
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    Some(list)
}
