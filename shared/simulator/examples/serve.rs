//! Serves a simulator until it is interrupted; the first line printed is its URL.
//!
//! `cargo run -p simulator --example serve -- --port 0 --seed 1 --scale 120 --data-until 2026-11-01T00:00:00Z --latency-ms 0 --rate-limit 100`

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::port::Clock;
use simulator::{Options, Simulator};

/// The machine's clock.
#[derive(Debug)]
struct RealTime;

#[async_trait::async_trait]
#[allow(clippy::disallowed_methods, reason = "a program on its own: the place where the real clock comes in")]
impl Clock for RealTime {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "the URL is the output of this program")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut port = 0;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => port = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            "--scale" => options.scale = value.parse()?,
            "--data-until" => options.data_until = Some(value.parse()?),
            "--latency-ms" => options.latency_ms = value.parse()?,
            "--rate-limit" => options.rate_limit = Some(value.parse()?),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let simulator = Simulator::new(options, Arc::new(RealTime));
    let server = simulator.serve(port).await?;
    println!("{}", server.url());
    server.wait().await?;
    Ok(())
}
