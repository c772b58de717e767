//! On a real socket, with a client that shows what arrives byte by byte.

use serde_json::Value;
use simulator::{Fault, FaultKind, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{A, World, world};

/// All bytes the server sends until it closes, and whether it closed in an orderly way.
async fn raw(server: &Server, world: &World, path: &str) -> Vec<u8> {
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        world.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // an abortive close counts as the end as well
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

fn split(bytes: &[u8]) -> (String, Vec<u8>) {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8(bytes[..at].to_vec()).unwrap().to_lowercase(), bytes[at + 4..].to_vec())
}

#[tokio::test]
async fn it_answers_on_loopback_with_its_own_date_and_stops() {
    let world = world();
    let server = world.simulator.serve(0).await.unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"));
    let (head, body) = split(&raw(&server, &world, "auth/api/v1/users/me").await);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("date: sun, 22 nov 2026 15:00:00 gmt"), "{head}");
    assert_eq!(head.matches("date:").count(), 1, "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["response"]["id"], 712_001);
    let metadata = split(&raw(&server, &world, ".well-known/oauth-authorization-server").await).1;
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["issuer"], server.url());
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_its_content_length() {
    let world = world();
    let server = world.simulator.serve(0).await.unwrap();
    let path = format!("accounting/account/{A}/invoices/invoices?per_page=100&include[]=lines");
    let (_, whole) = split(&raw(&server, &world, &path).await);
    world.simulator.control().set_options(|options| options.faults = vec![Fault::always(FaultKind::CutBody)]);
    let (head, body) = split(&raw(&server, &world, &path).await);
    assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
    assert_eq!(body.len(), whole.len() / 2);
    assert!(whole.starts_with(&body));
}

#[tokio::test]
async fn a_reset_sends_nothing_at_all() {
    let world = world();
    let server = world.simulator.serve(0).await.unwrap();
    for kind in [FaultKind::Reset, FaultKind::AnswerLost, FaultKind::Refused] {
        world.simulator.control().set_options(|options| options.faults = vec![Fault::always(kind)]);
        assert_eq!(raw(&server, &world, "auth/api/v1/users/me").await, b"");
    }
}

#[tokio::test]
async fn it_stops_although_a_client_keeps_its_connection() {
    let world = world();
    let server = world.simulator.serve(0).await.unwrap();
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /_simulator HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.stop().await;
}
