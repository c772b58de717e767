//! SEC-01: no secret is in a log, an error, a `Debug` or an object, in any of its spellings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use grants::{Grant, SecretStore, Stage};
use support::server::{CANARY, Next};
use support::store::Fault;
use support::{LIFE, World, acme, run};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The canary as it is, and as it looks inside base64 at any of three offsets, and in hex.
fn spellings() -> Vec<String> {
    let hex = format!("{:x}", CANARY.bytes().fold(0_u64, |number, byte| (number << 8) | u64::from(byte)));
    let mut all = vec![CANARY.to_owned(), hex];
    for offset in 0..3 {
        let padded = [&vec![b'-'; offset], CANARY.as_bytes()].concat();
        let inner = |text: String| text[(offset * 4).div_ceil(3)..text.len() - 2].to_owned();
        all.extend([inner(STANDARD_NO_PAD.encode(&padded)), inner(URL_SAFE_NO_PAD.encode(&padded))]);
    }
    all
}

fn assert_clean(what: &str, text: &str) {
    for spelling in spellings() {
        assert!(!text.contains(&spelling), "{what} tells a secret ({spelling}): {text}");
    }
}

#[test]
fn no_secret_is_seen_whatever_happens() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut nexts = vec![None, Some(Next::LostAfter), Some(Next::LostBefore), Some(Next::NotSent)];
        for status in [200, 302, 400, 401, 403, 429, 500, 503] {
            for body in [
                "k4n4ry",
                r#"{"error":"k4n4ry"}"#,
                r#"{"error":"invalid_grant","error_description":"k4n4ry"}"#,
            ] {
                nexts.push(Some(Next::Answer(status, body)));
            }
        }
        for next in nexts {
            let world = World::connected(1);
            world.pass(LIFE);
            if let Some(next) = next.clone() {
                world.server.next(next);
            }
            if let Err(error) = run(world.broker().refresh_if_due(&acme())) {
                assert_clean("an error", &format!("{error} {error:?}"));
            }
            if let Err(error) = run(world.broker().access_token(&acme())) {
                assert_clean("an error", &format!("{error} {error:?}"));
            }
            if let Some(next) = next {
                world.server.next(next);
            }
            let (_, page) = run(world.clone().connect(12345));
            assert_clean("a page", &page);
            let (_, page) = run(world.clone().connect(777));
            assert_clean("a page", &page);
            assert_clean("an object", &world.objects.dump());
        }
        for fault in (0..10).flat_map(|n| [Fault::Before(n), Fault::AfterEffect(n), Fault::AllFrom(n)]) {
            let world = World::connected(1);
            world.pass(LIFE);
            world.secrets.set_fault(Some(fault));
            if let Err(error) = run(world.broker().refresh_if_due(&acme())) {
                assert_clean("an error", &format!("{error} {error:?}"));
            }
            let (_, page) = run(world.clone().connect(12345));
            assert_clean("a page", &page);
        }
        let world = World::connected(1);
        let version = run(world.secrets.read("connections/acme", Stage::Current)).unwrap().unwrap();
        let grant = Grant::from_version(&acme(), &version).unwrap();
        let token = run(world.broker().access_token(&acme())).unwrap();
        let debug = format!("{version:?} {grant:?} {token:?} {:?} {:?}", token.bearer(), world.app());
        assert_clean("Debug", &debug);
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("reconnect needed") && log.contains("connected"), "the log was not recorded");
    assert_clean("the log", &log);
}
