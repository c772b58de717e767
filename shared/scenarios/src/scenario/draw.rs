//! What several scenarios draw from a seed.

use jiff::{SignedDuration, Timestamp};
use simulator::{DefaultStates, OAuthOptions, Options, Order, UpdatedZone, VisStateWithWindow};

/// Tables with their own answers to the questions of API, cursor and deletion.
const TABLES: &[&[&str]] = &[
    // filtered by day, with lifecycle states
    &["invoices", "clients", "expenses", "payments"],
    // read whole, with lifecycle states
    &["bills", "estimates", "items", "credit_notes"],
    // filtered by instant
    &["time_entries", "projects"],
    // read whole, rows vanish
    &["taxes", "services"],
];

/// Dice for one use of a seed: seeds that lie side by side give throws that have nothing in common.
pub(crate) fn dice(seed: u64, of: &str) -> fastrand::Rng {
    fastrand::Rng::with_seed(xxhash_rust::xxh3::xxh3_64_with_seed(of.as_bytes(), seed))
}

/// Whether the Glue Data Catalog keeps the tables: in half of all runs.
pub(crate) fn glue(seed: u64) -> bool {
    !seed.is_multiple_of(2)
}

/// `count` tables from different families.
pub(crate) fn tables(dice: &mut fastrand::Rng, count: usize) -> Vec<&'static str> {
    let mut families: Vec<_> = TABLES.to_vec();
    dice.shuffle(&mut families);
    families.into_iter().take(count).filter_map(|family| dice.choice(family).copied()).collect()
}

/// Some moment of 2026: all ends of months and both changes of clocks lie in the month that follows some seed.
pub(crate) fn start(dice: &mut fastrand::Rng) -> Timestamp {
    let begin = Timestamp::from_second(1_767_225_600).unwrap_or_default();
    let after = SignedDuration::from_secs(dice.i64(0..300 * 86_400));
    begin.checked_add(after).unwrap_or(begin)
}

/// A source whose open questions the dice answer.
pub(crate) fn options(dice: &mut fastrand::Rng) -> Options {
    let honoured = ["clients", "invoices", "expenses", "payments"];
    let honoured = honoured.into_iter().filter(|_| dice.u32(..4) > 0).map(str::to_owned).collect();
    Options {
        seed: dice.u64(..1 << 20),
        scale: dice.u64(10..30),
        order: if dice.u32(..3) == 0 { Order::Updated } else { Order::Id },
        updated_zone: if dice.bool() { UpdatedZone::Eastern } else { UpdatedZone::Utc },
        honoured_updated: honoured,
        default_states: if dice.bool() {
            DefaultStates::ActiveAndArchived
        } else {
            DefaultStates::ActiveOnly
        },
        vis_state_with_window: match dice.u32(..6) {
            0 => VisStateWithWindow::WindowIgnored,
            1 => VisStateWithWindow::StateIgnored,
            _ => VisStateWithWindow::Both,
        },
        vis_state_lists: dice.bool(),
        updated_lag_s: if dice.u32(..4) == 0 {
            [60, 3_600, 6 * 3_600, 20 * 3_600][dice.usize(..4)]
        } else {
            0
        },
        empty_pages: dice.u64(..2),
        most_per_page: dice.u64(2..12),
        request_log: 0,
        oauth: OAuthOptions {
            old_access_token_lives: dice.bool(),
            refresh_grace_s: if dice.u32(..4) == 0 { 300 } else { 0 },
            ..OAuthOptions::default()
        },
        ..Options::default()
    }
}
