//! The simulator on a socket of 127.0.0.1, and as an axum router.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::answer::{Answer, Delivery};
use crate::exchange::Simulator;

/// The largest request body that is read: room for a row of ten megabytes.
const MOST_BODY: usize = 16 << 20;

/// A listening simulator. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens: `http://127.0.0.1:49152`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Finishes the requests under way and stops.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }

    /// Serves until the process ends.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Simulator {
    /// The simulator as a router, to be put on any listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    /// Listens on 127.0.0.1, and nowhere else; port 0 is any free one.
    pub async fn serve(&self, port: u16) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let router = self.router();
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    // also when the sender is dropped
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Server { address, stop: Some(stop), task })
    }
}

async fn handle(State(simulator): State<Simulator>, request: Request) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let base = format!("http://{host}");
    let Ok(body) = axum::body::to_bytes(body, MOST_BODY).await else {
        return Ok(respond(Answer::empty(StatusCode::PAYLOAD_TOO_LARGE)));
    };
    let request = http::Request::from_parts(head, body);
    Ok(respond(simulator.answer(&request, &base).await))
}

fn respond(answer: Answer) -> Response {
    let length = answer.body.len();
    let body = match answer.delivery {
        Delivery::Whole => Body::from(answer.body),
        Delivery::Cut => broken(Bytes::from(answer.body).slice(..length / 2)),
        Delivery::Lost | Delivery::Refused => broken(Bytes::new()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    if answer.delivery == Delivery::Cut {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// A body that sends `start` and then fails, upon which the connection is closed. Without a `start` it fails
/// before the head has been flushed, so that nothing arrives at all.
fn broken(start: Bytes) -> Body {
    let failed = || io::Error::new(io::ErrorKind::ConnectionReset, "simulated");
    Body::from_stream(stream::unfold(Some(start), move |start| async move {
        match start {
            Some(start) if !start.is_empty() => Some((Ok(start), None)),
            Some(_) => Some((Err(failed()), None)),
            None => {
                // Gives the connection a turn to flush what it holds.
                tokio::task::yield_now().await;
                Some((Err(failed()), None))
            }
        }
    }))
}
