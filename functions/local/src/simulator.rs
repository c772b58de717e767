//! `freshlake simulator`: a made-up FreshBooks on this machine.

use std::sync::Arc;
use std::time::Duration;

use ::simulator::{Options, Server, Simulator};
use host::SystemClock;
use model::port::Clock;
use model::{Error, ErrorKind, Result};

use crate::cli;
use crate::interrupt::Interrupt;
use crate::screen::Screen;

/// Requests under way when it stops may take so long.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves until Ctrl-C.
pub(crate) async fn run(arguments: &cli::Simulator, screen: &Screen) -> Result<u8> {
    let options = Options {
        seed: arguments.seed,
        scale: arguments.scale,
        latency_ms: arguments.latency_ms,
        rate_limit: arguments.rate_limit,
        ..Options::default()
    };
    let interrupt = Interrupt::listen(screen, "")?;
    let simulator = Simulator::new(options, Arc::new(SystemClock));
    let server = serve(&simulator, arguments.port).await?;
    let (client_id, client_secret) = simulator.app();
    screen.out(format!("FreshBooks simulator on {}", server.url()));
    for business in simulator.businesses() {
        let id = business.business_id;
        screen
            .out(format!("business     {} (account {}, business {id})", business.name, business.account_id));
    }
    screen.out(format!("app          client id {client_id}, client secret {client_secret}"));
    screen.out(format!("access token {}", simulator.bearer_token(&[])));
    interrupt.asked().await;
    stop(server).await;
    Ok(0)
}

/// Listens on `port` of 127.0.0.1.
pub(crate) async fn serve(simulator: &Simulator, port: u16) -> Result<Server> {
    simulator.serve(port).await.map_err(|error| {
        Error::new(ErrorKind::Config, format!("cannot listen on 127.0.0.1:{port}"))
            .because(error)
            .next("choose another port; 0 takes any free one")
    })
}

/// Lets the requests under way end, within bounds.
pub(crate) async fn stop(server: Server) {
    tokio::select! {
        () = server.stop() => {}
        () = SystemClock.sleep(LAST_ANSWERS) => {}
    }
}
