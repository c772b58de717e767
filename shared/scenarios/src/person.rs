//! A person with a browser: connects at first, and again some hours after an alarm.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use grants::{ConnectSite, Invite, READ_SCOPES};
use http::Request;
use model::port::Transport;
use model::{ConnectionName, Timestamp};
use url::Url;

use crate::bell::Bell;
use crate::fleet;
use crate::ground::Machine;
use crate::ports::objects::Bucket;
use crate::runtime::Ended;
use crate::world::World;

/// Signs the links of this world.
const SIGNING_KEY: &str = "a signing key of thirty-two letters";

/// What the person knows.
#[derive(Debug, Default)]
pub(crate) struct Person {
    alarmed: Cell<bool>,
    hurried: Cell<bool>,
    bell: Bell,
}

impl Person {
    /// A reconnect is needed.
    pub(crate) fn alarm(&self) {
        self.alarmed.set(true);
        self.bell.ring();
    }

    /// From now on an alarm is answered at once.
    pub(crate) fn hurry(&self) {
        self.hurried.set(true);
        self.bell.ring();
    }

    /// Whether an alarm waits for an answer.
    pub(crate) fn is_alarmed(&self) -> bool {
        self.alarmed.get()
    }
}

/// Answers alarms for ever.
pub(crate) async fn watch(world: Rc<World>) {
    let (handle, person) = (world.ground.handle.clone(), &world.person);
    loop {
        let seen = person.bell.rung();
        if !person.alarmed.get() {
            person.bell.wait(&handle, seen, None).await;
            continue;
        }
        let hours = world.dice(|dice| dice.i64(1..36));
        let at = handle.micros() + hours * 3_600_000_000;
        while !person.hurried.get() && handle.micros() < at {
            let seen = person.bell.rung();
            person.bell.wait(&handle, seen, Some(at)).await;
        }
        while !connect(&world, true).await {
            handle.sleep(Duration::from_mins(10)).await;
        }
        world.ground.trace.count("reconnected");
        person.alarmed.set(false);
        person.bell.ring();
        world.ground.queue_bell.ring();
    }
}

/// From the link to the page at the end, in a process of its own; whether it went well.
pub(crate) async fn connect(world: &Rc<World>, mortal: bool) -> bool {
    let handle = &world.ground.handle;
    let id = handle.reserve();
    let machine = Machine::new(&world.ground, id, mortal);
    let done = Rc::new(Cell::new(false));
    let (place, inside) = (Rc::clone(&done), Rc::clone(world));
    let exit = world.spawner.spawn(id, async move {
        let page = walk(&inside, &machine).await;
        place.set(page.is_some_and(|status| status == 200));
    });
    exit.wait(handle).await == Ended::Returned && done.get()
}

/// The walk through the pages; the status of the last one.
async fn walk(world: &World, machine: &Machine) -> Option<u16> {
    let site = site(world, machine)?;
    let expires = Timestamp::from_microsecond(machine.now().saturating_add(86_400_000_000)).ok()?;
    let invite = Invite { connection: world.connection.clone(), account: world.wanted_account(), expires };
    let link = site.invite(&invite).ok()?;
    let form = "application/x-www-form-urlencoded";
    let start = Request::post("/connect/start").header("content-type", form);
    let left = site.handle(start.body(Bytes::from(link.query()?.to_owned())).ok()?).await;
    let header = |name| left.headers().get(name)?.to_str().ok();
    let consent: Url = header("location")?.parse().ok()?;
    let cookie = header("set-cookie")?.split(';').next()?.to_owned();

    let allowed = format!("{}&decision=allow", consent.query()?);
    let press = Request::post(&consent[..url::Position::AfterPath]).header("content-type", form);
    // FreshBooks' own page in the person's own browser: no call of ours.
    let transport = world.ground.source.simulator().transport();
    let answer = transport.send(press.body(Bytes::from(allowed)).ok()?).now_or_never()?.ok()?;
    let back: Url = answer.headers().get("location")?.to_str().ok()?.parse().ok()?;

    let callback = Request::get(format!("/callback?{}", back.query()?)).header("cookie", cookie);
    Some(site.handle(callback.body(Bytes::new()).ok()?).await.status().as_u16())
}

fn site(world: &World, machine: &Machine) -> Option<ConnectSite> {
    let broker = fleet::broker(world, machine);
    Some(ConnectSite {
        app: broker.app,
        secrets: broker.secrets,
        objects: Arc::new(Bucket(machine.clone())),
        transport: broker.transport,
        clock: broker.clock,
        random: broker.random,
        signing_key: SIGNING_KEY.into(),
        site_url: "https://site.test".parse().ok()?,
        destination: "a lake in memory".to_owned(),
        scopes: READ_SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
    })
}

/// The one connection of a world.
pub(crate) fn connection() -> Option<ConnectionName> {
    ConnectionName::new("acme").ok()
}
