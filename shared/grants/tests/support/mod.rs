//! A world in one process: a virtual clock, a FreshBooks with one person, stores with faults, and a driver that
//! polls futures by hand, so that a test decides who goes on, when a process dies and when time passes.

// Each test file uses its part of it.
#![allow(dead_code, unreachable_pub, clippy::missing_panics_doc, clippy::unused_self)]

pub mod machine;
pub mod server;
pub mod store;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use grants::{App, Broker, ConnectSite, Invite, READ_SCOPES};
use model::port::{Clock, Random};
use model::{ConnectionName, Timestamp};

use machine::{Machine, SeededRandom};
use server::FakeFreshBooks;
use store::{MemoryObjects, MemorySecrets};

pub const LIFE: i64 = 43_200;

#[derive(Clone, Debug)]
pub struct World {
    pub machine: Arc<Machine>,
    pub server: Arc<FakeFreshBooks>,
    pub secrets: Arc<MemorySecrets>,
    pub objects: Arc<MemoryObjects>,
    pub random: Arc<SeededRandom>,
}

pub fn acme() -> ConnectionName {
    ConnectionName::new("acme").unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let machine = Arc::new(Machine::new("2026-03-01T08:00:00Z".parse().unwrap()));
        Self {
            server: Arc::new(FakeFreshBooks::new(machine.clone())),
            secrets: Arc::new(MemorySecrets::new(machine.clone())),
            objects: Arc::new(MemoryObjects::new(machine.clone())),
            random: Arc::new(SeededRandom::new(seed)),
            machine,
        }
    }

    /// A world in which `acme` has been connected just now.
    pub fn connected(seed: u64) -> Self {
        let world = Self::new(seed);
        let (status, page) = run(world.clone().connect(12345));
        assert_eq!(status, 200, "{page}");
        world
    }

    pub fn app(&self) -> App {
        App::new(
            "client-1",
            server::CLIENT_SECRET.into(),
            &"https://auth.freshbooks.test".parse().unwrap(),
            "https://api.freshbooks.test".parse().unwrap(),
            "https://site.test/callback".parse().unwrap(),
        )
        .unwrap()
    }

    pub fn broker(&self) -> Broker {
        Broker {
            app: self.app(),
            secrets: self.secrets.clone(),
            transport: self.server.clone(),
            clock: self.machine.clone(),
            random: self.random.clone(),
        }
    }

    pub fn site(&self) -> ConnectSite {
        ConnectSite {
            app: self.app(),
            secrets: self.secrets.clone(),
            objects: self.objects.clone(),
            transport: self.server.clone(),
            clock: self.machine.clone(),
            random: self.random.clone(),
            signing_key: server::SIGNING_KEY.into(),
            site_url: "https://site.test".parse().unwrap(),
            destination: "the lake s3://acme-books".to_owned(),
            scopes: READ_SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
        }
    }

    pub fn invite(&self) -> Invite {
        let expires = Timestamp::from_second(self.machine.now().as_second() + 86_400).unwrap();
        Invite { connection: acme(), account: None, expires }
    }

    /// What a person and their browser do, from the link to the page at the end.
    pub async fn connect(self, identity: i64) -> (u16, String) {
        let site = self.site();
        let left = self.leave(&site, &self.invite()).await;
        self.server.set_person(identity);
        let code = self.server.consent(&left.challenge);
        let answer = site.handle(left.back(&format!("code={code}&state={}", left.state))).await;
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    }

    /// Presses the button.
    pub async fn leave(&self, site: &ConnectSite, invite: &Invite) -> Left {
        let url = site.invite(invite).unwrap();
        let form = url.query().unwrap().to_owned();
        let request = http::Request::post("/connect/start")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into())
            .unwrap();
        let answer = site.handle(request).await;
        assert_eq!(answer.status(), 303);
        let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
        let to: url::Url = header("location").parse().unwrap();
        let query = |name: &str| to.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
        let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
        Left { state: query("state"), challenge: query("code_challenge"), cookie, url: to }
    }

    pub fn pass(&self, seconds: i64) {
        self.machine.pass(seconds);
    }
}

/// A browser on its way to FreshBooks.
pub struct Left {
    pub state: String,
    pub challenge: String,
    pub cookie: String,
    pub url: url::Url,
}

impl Left {
    pub fn back(&self, query: &str) -> http::Request<bytes::Bytes> {
        http::Request::get(format!("/callback?{query}"))
            .header("cookie", &self.cookie)
            .body(bytes::Bytes::new())
            .unwrap()
    }
}

/// Polls one future to its end; time passes whenever it only waits.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    run_for(future, u32::MAX).expect("it ended")
}

/// Polls a future so many times, then drops it, as a kill would: `None`.
pub fn run_for<T>(future: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return Some(value);
        }
    }
    None
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs futures at once, in an order that `random` decides. Time passes when all of them wait for it.
pub fn race<T>(
    machine: &Machine,
    random: &SeededRandom,
    futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>,
) -> Vec<T> {
    machine.set_sleepers_pass_time(false);
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    let mut waiting: Vec<_> = futures.into_iter().enumerate().collect();
    let mut idle = 0;
    for _ in 0..1_000_000 {
        if waiting.is_empty() {
            machine.set_sleepers_pass_time(true);
            return results.into_iter().flatten().collect();
        }
        let steps = machine.steps();
        let chosen = usize::try_from(random.below(waiting.len() as u64)).unwrap();
        if let Poll::Ready(value) = poll(waiting[chosen].1.as_mut()) {
            let (index, _) = waiting.swap_remove(chosen);
            results[index] = Some(value);
        }
        idle = if machine.steps() == steps { idle + 1 } else { 0 };
        if idle > 20 * waiting.len() {
            machine.pass(1);
            idle = 0;
        }
    }
    panic!("the race never ends");
}
