//! The connect site over https on 127.0.0.1, with a certificate that is made at the start and never leaves memory.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::Listener;
use grants::ConnectSite;
use host::SystemClock;
use http::StatusCode;
use model::port::Clock;
use model::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use super::visit::again;

/// No form of ours is larger.
const MOST_BODY: usize = 64 << 10;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The browser gets so long to fetch its last page.
const LAST_PAGE: Duration = Duration::from_secs(2);
const WAITING: usize = 16;

type End = std::result::Result<(), Arc<Error>>;

/// A listening site.
#[derive(Debug)]
pub(crate) struct SiteServer {
    address: SocketAddr,
    listener: Option<Encrypted>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    sender: mpsc::Sender<End>,
    ends: mpsc::Receiver<End>,
}

impl SiteServer {
    /// Listens on `port` of 127.0.0.1; 0 is any free one.
    pub(crate) async fn bind(port: u16) -> Result<Self> {
        let failed = |error| {
            Error::new(ErrorKind::Config, format!("cannot listen on 127.0.0.1:{port}"))
                .because(error)
                .next("choose another --port, and register its address at FreshBooks")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, ends) = mpsc::channel(1);
        let listener = Some(Encrypted::new(listener, address, tls()?));
        Ok(Self { address, listener, stop: None, task: None, sender, ends })
    }

    /// `https://localhost:8765`
    pub(crate) fn url(&self) -> Result<Url> {
        super::site_url(self.address.port())
    }

    /// Answers requests from now on.
    pub(crate) fn serve(&mut self, site: Arc<ConnectSite>) {
        let Some(listener) = self.listener.take() else { return };
        let router = Router::new().fallback(handle).with_state((site, self.sender.clone()));
        let (stop, stopped) = oneshot::channel::<()>();
        self.stop = Some(stop);
        self.task = Some(tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        }));
    }

    /// Waits until an authorisation has ended.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        match self.ends.recv().await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(again(&error)),
            None => Err(Error::new(ErrorKind::Internal, "the connect page has gone away")),
        }
    }

    /// Lets the browser fetch what it has asked for, and stops.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(mut task) = self.task.take() {
            tokio::select! {
                _ = &mut task => {}
                () = SystemClock.sleep(LAST_PAGE) => task.abort(),
            }
        }
    }
}

async fn handle(
    State((site, ends)): State<(Arc<ConnectSite>, mpsc::Sender<End>)>,
    request: Request,
) -> std::result::Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let is_callback = head.uri.path() == "/callback";
    let Ok(body) = axum::body::to_bytes(body, MOST_BODY).await else {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refused);
    };
    let answer = site.handle(http::Request::from_parts(head, body)).await;
    let end = match answer.extensions().get::<Arc<Error>>() {
        _ if !is_callback => None,
        Some(error) => Some(Err(Arc::clone(error))),
        None => (answer.status() == StatusCode::OK).then_some(Ok(())),
    };
    if let Some(end) = end {
        // Where one end waits to be seen already, that one counts.
        let _ = ends.try_send(end);
    }
    Ok(answer.map(Body::from))
}

fn tls() -> Result<TlsAcceptor> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Internal, "cannot make a certificate").because(error)
    };
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| failed(e.into()))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)
        })
        .map_err(|e| failed(e.into()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connections whose handshake is done. One that stalls keeps no other waiting.
#[derive(Debug)]
struct Encrypted {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Encrypted {
    fn new(listener: TcpListener, address: SocketAddr, tls: TlsAcceptor) -> Self {
        let (sender, ready) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while !sender.is_closed() {
                let Ok((stream, from)) = listener.accept().await else {
                    // Out of file descriptors, mostly: it passes.
                    SystemClock.sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (tls, sender) = (tls.clone(), sender.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        // A browser that does not like the certificate hangs up here and comes again.
                        done = tls.accept(stream) => if let Ok(stream) = done {
                            let _ = sender.send((stream, from)).await;
                        },
                        () = SystemClock.sleep(HANDSHAKE) => {}
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
