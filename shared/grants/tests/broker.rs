//! A refresh token is redeemed at most once, and its successor is not lost, whatever happens in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use grants::{AccessToken, Broker, Stage, State};
use model::{ErrorKind, Result};
use serde_json::Value;
use support::server::Next;
use support::store::Fault;
use support::{LIFE, World, acme, race, run, run_for};

const SECRET: &str = "connections/acme";
const HALF: i64 = LIFE / 2;

fn refresh(world: &World) -> Result<AccessToken> {
    run(world.broker().refresh_if_due(&acme()))
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn current(world: &World) -> Value {
    world.secrets.value(SECRET, Stage::Current).unwrap()
}

/// Whether the stored refresh token is the one that FreshBooks would take.
fn is_alive(world: &World) -> bool {
    world.server.state().live.contains_key(current(world)["refresh_token"].as_str().unwrap())
}

fn assert_each_redeemed_at_most_once(world: &World, what: &str) {
    let state = world.server.state();
    assert!(state.redeemed.values().all(|times| *times <= 1), "{what}: {:?}", state.redeemed);
}

#[test]
fn a_young_token_is_used_as_it_is_and_an_old_one_refreshed_once() {
    let world = World::connected(1);
    let first = refresh(&world).unwrap();
    world.pass(HALF - 1);
    assert_eq!(refresh(&world).unwrap(), first);
    assert_eq!(world.server.token_calls(), 1, "only the code");
    world.pass(1);
    let second = refresh(&world).unwrap();
    assert_ne!(second, first);
    assert_eq!(refresh(&world).unwrap(), second);
    assert_eq!(run(world.broker().access_token(&acme())).unwrap(), second);
    assert_eq!(world.server.token_calls(), 2);
    assert_eq!((current(&world)["generation"].as_u64(), is_alive(&world)), (Some(1), true));
}

#[test]
fn a_worker_reads_and_never_refreshes() {
    let world = World::connected(1);
    let broker = world.broker();
    let token = run(broker.access_token(&acme())).unwrap();
    assert_eq!(kind(run(broker.reread_after_rejection(&acme(), &token))), ErrorKind::TokenRejected);
    world.pass(HALF);
    let next = refresh(&world).unwrap();
    assert_eq!(run(broker.reread_after_rejection(&acme(), &token)).unwrap(), next);
    world.pass(LIFE);
    assert_eq!(kind(run(broker.access_token(&acme()))), ErrorKind::TokenRejected);
    assert_eq!(world.server.token_calls(), 2);
}

#[test]
fn a_token_that_freshbooks_rejects_is_refreshed_whatever_the_clock_says() {
    let world = World::connected(1);
    let broker = world.broker();
    let token = refresh(&world).unwrap();
    let next = run(broker.refresh_after_rejection(&acme(), &token)).unwrap();
    assert_ne!(next, token);
    // Someone else who saw the old one rejected gets the new one without another refresh.
    assert_eq!(run(broker.refresh_after_rejection(&acme(), &token)).unwrap(), next);
    assert_eq!(world.server.token_calls(), 2);
}

#[test]
fn a_request_that_never_left_is_sent_again() {
    let world = World::connected(1);
    world.pass(HALF);
    world.server.next(Next::NotSent);
    world.server.next(Next::NotSent);
    refresh(&world).unwrap();
    assert_eq!(current(&world)["generation"], 1);
    assert!(is_alive(&world));
}

#[test]
fn a_failed_refresh_uses_the_old_token_while_it_lives_and_overwrites_nothing() {
    let html = "<html>k4n4ry</html>";
    let failures = [
        Next::LostBefore,
        Next::Answer(500, html),
        Next::Answer(502, r#"{"error":"invalid_grant"}"#),
        Next::Answer(200, html),
        Next::Answer(200, r#"{"access_token":"k4n4"#),
        Next::Answer(200, r#"{"access_token":"k4n4ry","token_type":"Bearer","expires_in":9,"created_at":1}"#),
        Next::Answer(200, r#"{"error":"invalid_grant"}"#),
        Next::Answer(302, ""),
        Next::Answer(400, html),
        Next::Answer(400, ""),
        Next::Answer(403, r#"{"error":"k4n4ry"}"#),
        Next::Answer(429, "slow down"),
    ];
    for failure in failures {
        let world = World::connected(1);
        let before = current(&world);
        let token = refresh(&world).unwrap();
        world.pass(HALF);
        world.server.next(failure.clone());
        assert_eq!(refresh(&world).unwrap(), token, "{failure:?}");
        let after = current(&world);
        assert_eq!(after, before, "{failure:?}");

        world.pass(HALF);
        world.server.next(failure.clone());
        let error = refresh(&world).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited),
            "{failure:?}: {error}"
        );
        assert!(!error.to_string().contains("k4n4"), "{error}");
        refresh(&world).unwrap();
        assert!(is_alive(&world), "{failure:?}");
        assert_each_redeemed_at_most_once(&world, "after a failure");
    }
}

#[test]
fn a_wrong_client_secret_is_told_as_a_setting() {
    let world = World::connected(1);
    world.pass(HALF);
    let mut broker = world.broker();
    broker.app.client_secret = "k4n4ry-wrong".into();
    let error = run(broker.refresh_if_due(&acme())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("FRESHBOOKS_CLIENT_ID") && !error.to_string().contains("k4n4"),
        "{error}"
    );
    refresh(&world).unwrap();
}

#[test]
fn a_lost_answer_ends_in_one_reconnect_and_then_in_silence() {
    for lost in [Next::LostAfter, Next::AnswerAfter(200, "<html>"), Next::AnswerAfter(504, "")] {
        let world = World::connected(1);
        let old = refresh(&world).unwrap();
        world.pass(HALF);
        world.server.next(lost.clone());
        // The token may have been redeemed: it is not sent a second time now.
        assert_eq!(refresh(&world).unwrap(), old);
        assert_eq!(world.server.state().presented.values().sum::<u32>(), 1);
        let error = refresh(&world).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReconnectNeeded);
        assert!(error.to_string().contains("freshlake connect acme"), "{error}");
        let calls = world.server.token_calls();
        for _ in 0..20 * 24 {
            world.pass(3600);
            assert_eq!(kind(refresh(&world)), ErrorKind::ReconnectNeeded);
        }
        assert_eq!(kind(run(world.broker().access_token(&acme()))), ErrorKind::ReconnectNeeded);
        assert_eq!(world.server.token_calls(), calls, "a dead grant was asked about again");
        assert_each_redeemed_at_most_once(&world, "lost answer");
        // until the secret changes
        assert_eq!(run(world.clone().connect(12345)).0, 200);
        refresh(&world).unwrap();
        assert!(is_alive(&world));
    }
}

/// REL-18: killed at every step of a refresh.
#[test]
fn a_kill_at_any_step_loses_a_connection_only_with_freshbooks_answer() {
    let (mut ended, mut reconnects, mut rolled_forward) = (false, 0, 0);
    for polls in 0..200 {
        let world = World::connected(1);
        let old = refresh(&world).unwrap();
        world.pass(HALF);
        let done = run_for(world.broker().refresh_if_due(&acme()), polls).is_some();
        let redeemed = !world.server.state().redeemed.is_empty();
        let saved = |stage| world.secrets.value(SECRET, stage).is_some_and(|v| v["generation"] == 1);
        let (pending, now) = (saved(Stage::Pending), saved(Stage::Current));
        let answer_lost = redeemed && !pending && !now;
        rolled_forward += u32::from(pending && !now);

        // The next run has a token at once: the old one, or the one that was saved.
        let next = refresh(&world).unwrap();
        assert!(next == old || pending || now || done || !redeemed, "killed after {polls} polls");
        // And when the old one has died, a new one, unless FreshBooks' answer was lost.
        world.pass(LIFE);
        let last = refresh(&world);
        if answer_lost {
            assert_eq!(kind(last), ErrorKind::ReconnectNeeded, "killed after {polls} polls");
            reconnects += 1;
        } else {
            last.unwrap();
            assert!(is_alive(&world), "killed after {polls} polls");
        }
        assert_each_redeemed_at_most_once(&world, &format!("killed after {polls} polls"));
        ended |= done;
        if done {
            break;
        }
    }
    assert!(ended && reconnects > 0 && rolled_forward > 0, "{ended} {reconnects} {rolled_forward}");
}

#[test]
fn a_kill_at_any_step_of_a_reconnect_loses_it_only_with_freshbooks_answer() {
    let (mut rolled_forward, mut lost) = (0, 0);
    for polls in 0..200 {
        let world = World::connected(1);
        let first = current(&world)["grant_id"].clone();
        world.pass(HALF);
        let done = run_for(world.clone().connect(12345), polls).is_some();
        let exchanged = world.server.state().codes_presented == 2;
        let saved = |stage| world.secrets.value(SECRET, stage).is_some_and(|v| v["grant_id"] != first);
        rolled_forward += u32::from(saved(Stage::Pending) && !saved(Stage::Current));
        let answer_lost = exchanged && !saved(Stage::Pending) && !saved(Stage::Current);
        world.pass(LIFE);
        match refresh(&world) {
            Ok(_) => assert!(!answer_lost && is_alive(&world), "killed after {polls} polls"),
            Err(error) => {
                assert!(answer_lost, "killed after {polls} polls: {error}");
                assert_eq!(error.kind(), ErrorKind::ReconnectNeeded);
                lost += 1;
            }
        }
        if done {
            break;
        }
    }
    assert!(rolled_forward > 0 && lost > 0, "{rolled_forward} {lost}");
}

#[test]
fn one_failing_call_of_the_store_never_costs_the_connection() {
    for call in 0..12 {
        for fault in [Fault::Before(call), Fault::AfterEffect(call)] {
            let world = World::connected(1);
            world.pass(HALF);
            world.secrets.set_fault(Some(fault));
            let _ = refresh(&world);
            world.secrets.set_fault(None);
            world.pass(LIFE);
            refresh(&world).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            assert!(is_alive(&world), "{fault:?}");
            assert_each_redeemed_at_most_once(&world, &format!("{fault:?}"));
        }
    }
}

#[test]
fn a_store_that_cannot_be_written_keeps_the_token_from_being_sent() {
    let world = World::connected(1);
    let old = refresh(&world).unwrap();
    world.pass(HALF);
    // Two reads, then nothing works.
    world.secrets.set_fault(Some(Fault::AllFrom(2)));
    assert_eq!(refresh(&world).unwrap(), old);
    world.pass(HALF);
    world.secrets.set_fault(Some(Fault::AllFrom(2)));
    assert_eq!(kind(refresh(&world)), ErrorKind::Storage);
    assert!(world.server.state().presented.is_empty());
}

#[test]
fn a_store_that_dies_after_the_redemption_is_told_as_what_it_is() {
    let world = World::connected(1);
    world.pass(HALF);
    // current, pending, the claim's put and move
    world.secrets.set_fault(Some(Fault::AllFrom(4)));
    let error = refresh(&world).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("could not be saved"), "{error}");
    assert!(!error.to_string().contains("k4n4"), "{error}");
}

/// REL-19: brokers at once, in 20,000 orders, half of them with a person who reconnects at the same moment.
#[test]
fn brokers_at_once_redeem_once_and_a_person_who_reconnects_wins() {
    let mut tombstones = 0;
    for seed in 0..20_000_u64 {
        let world = World::connected(seed);
        let first = current(&world)["grant_id"].clone();
        // Past its end for some, so that nobody can wait.
        world.pass(if seed % 3 == 0 { LIFE + 1 } else { HALF });
        let brokers: Vec<Broker> = (0..2 + seed % 4).map(|_| world.broker()).collect();
        let name = acme();
        let person = seed % 2 == 1;
        let mut racers: Vec<std::pin::Pin<Box<dyn Future<Output = Result<()>>>>> = Vec::new();
        for broker in &brokers {
            racers.push(Box::pin(async { broker.refresh_if_due(&name).await.map(drop) }));
        }
        if person {
            let world = world.clone();
            racers.push(Box::pin(async move {
                let (status, page) = world.connect(12345).await;
                assert_eq!(status, 200, "{page}");
                Ok(())
            }));
        }
        for outcome in race(&world.machine, &world.random, racers) {
            // The person's consent kills the old token under a broker's hands; nothing else may fail.
            if let Err(error) = outcome {
                let fine = matches!(error.kind(), ErrorKind::ReconnectNeeded | ErrorKind::Unavailable);
                assert!(person && fine, "seed {seed}: {error}");
                tombstones += 1;
            }
        }
        let end = current(&world);
        assert_eq!(end["state"], "ready", "seed {seed}");
        assert!(is_alive(&world), "seed {seed}: {end}");
        assert_eq!(end["grant_id"] != first, person, "seed {seed}: the newest grant wins");
        assert_each_redeemed_at_most_once(&world, &format!("seed {seed}"));
        let presented = world.server.state().presented.values().copied().max().unwrap_or_default();
        assert!(presented <= 1, "seed {seed}: a token was sent {presented} times");
    }
    assert!(tombstones > 0, "no order in which a person's consent met a refresh");
}

#[test]
fn a_grant_of_another_version_is_refused_and_stays_as_it_is() {
    let changes: [fn(String) -> String; 3] = [
        |text| text.replace("\"format\":1", "\"format\":2"),
        |text| text.replace("\"scope\"", "\"k4n4ry\""),
        |text| text[..text.len() / 2].to_owned(),
    ];
    for change in changes {
        let world = World::connected(1);
        world.pass(LIFE);
        world.secrets.overwrite(SECRET, change);
        let before = world.secrets.dump();
        let error = refresh(&world).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains("k4n4"), "{error}");
        assert_eq!(world.secrets.dump(), before);
        assert_eq!(world.server.token_calls(), 1);
    }
}

#[test]
fn disconnecting_revokes_and_then_forgets() {
    let world = World::connected(1);
    let token = current(&world)["refresh_token"].as_str().unwrap().to_owned();
    run(world.broker().disconnect(&acme())).unwrap();
    assert_eq!(world.server.state().revoked, [token]);
    assert_eq!(kind(refresh(&world)), ErrorKind::ReconnectNeeded);
}

#[test]
fn states_are_written_in_words_that_a_person_can_read_in_the_console() {
    let names =
        [State::Ready, State::Refreshing, State::Dead].map(|state| serde_json::to_value(state).unwrap());
    assert_eq!(names, ["ready", "refreshing", "dead"]);
}
