//! Clocks, cursors and tokens.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use grants::{App, Broker, Connection, SecretStore, SecretVersion, VersionId};
use host::{Folder, OsRandom, SecretsFile};
use jiff::SignedDuration;
use model::{AccountId, BusinessId, ConnectionName, ErrorKind, Mode, Result, Task, Timestamp, Unit};
use serde_json::json;
use simulator::{OAuthOptions, Options, UpdatedZone};
use sync::{Dispatcher, Firing, Queue};

use crate::landed::{batches, instant, newest, texts};
use crate::world::World;

/// A world whose token outlives the test.
fn world(updated_zone: UpdatedZone) -> World {
    let oauth = OAuthOptions { expires_in: 1_000_000_000, ..OAuthOptions::default() };
    World::new(Options { updated_zone, oauth, ..Options::default() })
}

fn at(world: &World, text: &str) -> Timestamp {
    let now = text.parse().unwrap();
    *world.clock.0.lock().unwrap() = now;
    now
}

/// PEERS 7: accounting dates are Eastern, others UTC (freshbooks-python-sdk#4, freshbooks-nodejs-sdk#103).
#[tokio::test]
async fn both_clocks_are_right() {
    let world = world(UpdatedZone::Eastern);
    let business = world.simulator.businesses()[0].clone();
    let account = Unit::Account(AccountId(business.account_id.clone()));
    let unit = Unit::Business(BusinessId(business.business_id));
    let control = world.simulator.control();
    // Summer and winter time; each is another day in New York than in Greenwich.
    for (now, eastern) in
        [("2026-07-01T03:30:00Z", "2026-06-30 23:30:00"), ("2026-12-01T04:30:00Z", "2026-11-30 23:30:00")]
    {
        let now = at(&world, now);
        let invoice = control.insert(&business.account_id, "invoices", &json!({})).unwrap();
        let project = control.insert(&business.account_id, "projects", &json!({})).unwrap();
        // A list that changes in the very second in which it is read is read again.
        *world.clock.0.lock().unwrap() = now + SignedDuration::from_mins(1);
        let run = world.next_run();
        world.extract(&run, "invoices", &account, Mode::Incremental).await.unwrap();
        world.extract(&run, "projects", &unit, Mode::Incremental).await.unwrap();
        let invoices = batches(&world, "invoices").await;
        let (batch, row) = newest(&invoices, invoice);
        assert_eq!(instant(batch, row, "updated"), now);
        assert_eq!(texts(batch, "updated_text")[row], Some(eastern));
        let projects = batches(&world, "projects").await;
        let (batch, row) = newest(&projects, project);
        assert_eq!(instant(batch, row, "updated_at"), now);
    }
}

/// PEERS 7: a cursor kept in one clock and asked for in the other misses what changes between their midnights.
#[tokio::test]
async fn a_change_around_either_midnight_is_found_by_the_next_run() {
    for zone in [UpdatedZone::Eastern, UpdatedZone::Utc] {
        let world = world(zone);
        let account = world.simulator.businesses()[0].account_id.clone();
        let unit = Unit::Account(AccountId(account.clone()));
        let control = world.simulator.control();
        let ids = control.truth(&account, "invoices", true).unwrap().ids.unwrap();
        let sync = async || {
            let run = world.next_run();
            let report = world.extract(&run, "invoices", &unit, Mode::Incremental).await.unwrap();
            let landed = world.landed(&[report]).await;
            landed.into_iter().map(|(_, id, _)| id).collect::<Vec<_>>()
        };
        sync().await;
        let mut now: Timestamp = "2026-04-01T01:00:00Z".parse().unwrap();
        // Two days, in steps that fall on both sides of both midnights; some changes lie just before a sync.
        for (step, id) in ids.iter().take(24).enumerate() {
            now = at(&world, &(now + SignedDuration::from_hours(2)).to_string());
            control.change(&account, "invoices", *id, &json!({"notes": format!("step {step}")})).unwrap();
            assert_eq!(sync().await, [*id], "{zone:?} at {now}");
            assert_eq!(sync().await, [0_i64; 0], "{zone:?} at {now}: what was there came again");
        }
    }
}

/// PEERS 7: time entries come without an `updated`, so who takes the cursor from the rows never moves it, or never sees
/// a change.
#[tokio::test]
async fn a_changed_time_entry_arrives_though_it_has_no_updated() {
    let world = world(UpdatedZone::Eastern);
    let business = world.simulator.businesses()[0].clone();
    let unit = Unit::Business(BusinessId(business.business_id));
    let control = world.simulator.control();
    let sync = async || {
        let run = world.next_run();
        world.extract(&run, "time_entries", &unit, Mode::Incremental).await.unwrap()
    };
    sync().await;
    let first = world.worker.lake.head("time_entries", &unit).await.unwrap().unwrap().cursor.unwrap();
    at(&world, "2026-04-20T12:00:00Z");
    let id = control.truth(&business.account_id, "time_entries", true).unwrap().ids.unwrap()[3];
    control
        .change(&business.account_id, "time_entries", id, &json!({"note": "longer than I thought"}))
        .unwrap();
    let report = sync().await;
    let certificate = report.certificate.clone().unwrap();
    assert_eq!(world.landed(&[report]).await.iter().map(|(_, id, _)| *id).collect::<Vec<_>>(), [id]);
    assert_eq!(certificate.last_updated, None);
    assert!(certificate.distinct_keys < 10, "all was read again: {certificate:?}");
    let cursor = world.worker.lake.head("time_entries", &unit).await.unwrap().unwrap().cursor.unwrap();
    assert!(cursor > first);
}

#[derive(Debug, Default)]
struct Sent(Mutex<Vec<Task>>);

#[async_trait]
impl Queue for Sent {
    async fn send(&self, tasks: &[Task]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(tasks);
        Ok(())
    }
}

/// PEERS 1: one dead grant made 1,600 rejected calls in 38 minutes (airbyte threads 82719, 82783, 82784), and a retry
/// storm hid the cause (akutishevsky/withings-mcp#37).
#[tokio::test]
async fn one_dead_grant_is_one_call() {
    let world = World::new(Options::default());
    let secrets = Arc::new(SecretsFile::new(world.folder.path().join("secrets/s.json")));
    let name = ConnectionName::new("acme").unwrap();
    let now = world.clock.0.lock().unwrap().to_owned();
    let grant = json!({
        "format": 1, "grant_id": "0".repeat(32), "generation": 4, "identity_id": 712_001,
        "redirect_url": "https://site.test/callback", "access_token": "spent", "refresh_token": "spent too",
        "created_at": now.as_second() - 90_000, "expires_in": 43_200, "scope": "", "state": "ready",
    });
    let version = SecretVersion { id: VersionId("1".repeat(32)), value: grant.to_string().into() };
    let secret = grants::secret_name(&name);
    secrets.put_pending(&secret, &version).await.unwrap();
    secrets.make_current(&secret, &version.id, None).await.unwrap();

    let objects = Arc::new(Folder::open(world.folder.path().join("objects")).unwrap());
    let connection = Connection {
        name: name.clone(),
        identity_id: 712_001,
        businesses: Vec::new(),
        tables: None,
        settings: serde_json::Map::new(),
        start_date: None,
        paused: false,
        connected_at: now,
    };
    connection.save(&*objects).await.unwrap();
    let api: url::Url = "http://127.0.0.1:1".parse().unwrap();
    let (id, app_secret) = world.simulator.app();
    let redirect = "https://site.test/callback".parse().unwrap();
    let broker = Broker {
        app: App::new(id, app_secret.into(), &api, api.clone(), redirect).unwrap(),
        secrets,
        transport: Arc::new(world.simulator.transport()),
        clock: world.clock.clone(),
        random: Arc::new(OsRandom),
    };
    let queue = Arc::new(Sent::default());
    let dispatcher = Dispatcher { objects, broker: Arc::new(broker), queue: queue.clone() };
    // Every five minutes, for a day.
    for firing in 0..288 {
        let scheduled_at = now + SignedDuration::from_mins(5 * firing);
        *world.clock.0.lock().unwrap() = scheduled_at;
        let firing = Firing {
            scheduled_at,
            connection: None,
            tables: Vec::new(),
            mode: Mode::Incremental,
            accept_deletions: false,
            settings: std::collections::BTreeMap::new(),
        };
        let answered = dispatcher.dispatch(&firing).await.unwrap();
        let error = answered[0].tasks.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReconnectNeeded, "{error}");
        assert!(error.next_step().is_some_and(|next| next.contains("connect")), "{error}");
    }
    let requests = world.simulator.control().requests();
    assert_eq!((requests.token, requests.total), (1, 1), "{requests:?}");
    assert_eq!(*queue.0.lock().unwrap(), [], "tasks were queued that cannot be done");
}
