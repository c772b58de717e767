//! The same flow against the simulator, with the stores of one machine: what is stored, read, refreshed and told is
//! real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use grants::{App, Broker, ConnectSite, Connection, ConnectionTokens};
use host::{Folder, OsRandom, SecretsFile};
use http::Request;
use model::ErrorKind;
use model::port::Transport;
use simulator::{OAuthOptions, Options, Simulator};
use support::machine::Machine;
use support::{World, acme};

struct Place {
    site: ConnectSite,
    broker: Broker,
    simulator: Simulator,
    machine: Arc<Machine>,
    _directory: tempfile::TempDir,
}

fn place(oauth: OAuthOptions) -> Place {
    let machine = Arc::new(Machine::new("2026-03-01T08:00:00Z".parse().unwrap()));
    let simulator = Simulator::new(Options { oauth, ..Options::default() }, machine.clone());
    let directory = tempfile::tempdir().unwrap();
    let (client_id, client_secret) = simulator.app();
    let url = |text: &str| text.parse().unwrap();
    let app = App::new(
        client_id,
        client_secret.into(),
        &url("https://auth.freshbooks.test"),
        url("https://api.freshbooks.test"),
        url("https://site.test/callback"),
    );
    let site = ConnectSite {
        app: app.unwrap(),
        secrets: Arc::new(SecretsFile::new(directory.path().join("secrets.json"))),
        objects: Arc::new(Folder::open(directory.path().join("lake")).unwrap()),
        transport: Arc::new(simulator.transport()),
        random: Arc::new(OsRandom),
        clock: machine.clone(),
        ..World::new(1).site()
    };
    let broker = Broker {
        app: site.app.clone(),
        secrets: site.secrets.clone(),
        transport: site.transport.clone(),
        clock: site.clock.clone(),
        random: site.random.clone(),
    };
    Place { site, broker, simulator, machine, _directory: directory }
}

impl Place {
    /// From the link to the page at the end, with a person who presses `decision` at FreshBooks.
    async fn connect(&self, decision: &str) -> (u16, String) {
        let invite = World::new(1).invite();
        let left = World::new(1).leave(&self.site, &invite).await;
        let form = format!("{}&decision={decision}", left.url.query().unwrap());
        let consent = Request::post(&left.url[..url::Position::AfterPath])
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .unwrap();
        let answer = self.simulator.transport().send(consent).await.unwrap();
        assert!(answer.status().is_redirection(), "{answer:?}");
        let back: url::Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        let page = self.site.handle(left.back(back.query().unwrap())).await;
        (page.status().as_u16(), String::from_utf8(page.body().to_vec()).unwrap())
    }
}

#[tokio::test]
async fn a_person_connects_both_businesses_and_the_tokens_stay_alive_for_a_month() {
    let place =
        place(OAuthOptions { enforce_pkce: true, old_access_token_lives: false, ..OAuthOptions::default() });
    let (status, page) = place.connect("allow").await;
    assert_eq!(status, 200, "{page}");
    let connection = Connection::load(&*place.site.objects, &acme()).await.unwrap().unwrap();
    let expected = place.simulator.businesses();
    assert_eq!(connection.businesses.len(), expected.len());
    for (found, expected) in connection.businesses.iter().zip(&expected) {
        assert_eq!(found.business_id.0, expected.business_id);
        assert_eq!(found.account_id.as_ref().map(|id| id.0.as_str()), Some(expected.account_id.as_str()));
        assert!(page.contains(&expected.name), "{page}");
    }
    let mut last = place.broker.access_token(&acme()).await.unwrap();
    let mut refreshes = 0;
    for _ in 0..30 * 4 {
        place.machine.pass(6 * 3600);
        let token = place.broker.refresh_if_due(&acme()).await.unwrap();
        refreshes += u32::from(token != last);
        let mut me =
            Request::get("https://api.freshbooks.test/auth/api/v1/users/me").body(Bytes::new()).unwrap();
        me.headers_mut().insert("authorization", token.bearer().unwrap());
        assert_eq!(place.simulator.transport().send(me).await.unwrap().status(), 200);
        last = token;
    }
    assert_eq!(refreshes, 120);
}

#[tokio::test]
async fn a_denied_consent_and_a_stranger_leave_no_trace() {
    let place = place(OAuthOptions::default());
    assert_eq!(place.connect("deny").await.0, 403);
    assert!(Connection::list(&*place.site.objects).await.unwrap().is_empty());
    assert_eq!(place.connect("allow").await.0, 200);
    let before = Connection::list(&*place.site.objects).await.unwrap();
    place.simulator.control().set_options(|options| options.oauth.stranger = true);
    assert_eq!(place.connect("allow").await.0, 403);
    assert_eq!(Connection::list(&*place.site.objects).await.unwrap(), before);
    place.broker.refresh_if_due(&acme()).await.unwrap();
}

#[tokio::test]
async fn a_grant_killed_at_freshbooks_is_told_once_and_a_reconnect_revives_it() {
    let place = place(OAuthOptions::default());
    place.connect("allow").await;
    place.simulator.control().kill_grants();
    place.machine.pass(30_000);
    let error = place.broker.refresh_if_due(&acme()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReconnectNeeded);
    assert_eq!(place.connect("allow").await.0, 200);
    place.broker.refresh_if_due(&acme()).await.unwrap();
}

#[tokio::test]
async fn a_worker_whose_token_was_refreshed_away_reads_the_new_one() {
    use freshbooks::Tokens as _;
    use secrecy::ExposeSecret as _;

    let place = place(OAuthOptions { old_access_token_lives: false, ..OAuthOptions::default() });
    place.connect("allow").await;
    let worker = ConnectionTokens { broker: Arc::new(place.broker.clone()), connection: acme() };
    let old = worker.current().await.unwrap();
    assert_eq!(worker.after_rejection(&old).await.unwrap_err().kind(), ErrorKind::TokenRejected);
    place.machine.pass(30_000);
    place.broker.refresh_if_due(&acme()).await.unwrap();
    let new = worker.after_rejection(&old).await.unwrap();
    assert_ne!(new.expose_secret(), old.expose_secret());
}
