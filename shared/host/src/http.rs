//! HTTP over TCP and TLS.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use model::port::{Transport, TransportError};
use model::{Error, ErrorKind, Result};
use reqwest::{Certificate, Client, Proxy, redirect, retry};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// How [`HttpTransport`] connects.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The longest time one exchange may take, connecting and reading the body included.
    pub timeout: Duration,
    /// Idle connections kept open per host: as many as requests in flight.
    pub idle_connections: usize,
    /// The largest body read, after decompression, in bytes.
    pub body_cap: usize,
    /// The proxy for all requests. The environment's proxies are not used.
    pub proxy: Option<Url>,
    /// A PEM file with certificate authorities to trust beside the machine's own.
    pub extra_roots: Option<PathBuf>,
    /// The `User-Agent` of requests that do not bring one.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            idle_connections: 16,
            body_cap: 64 << 20,
            proxy: None,
            extra_roots: None,
            user_agent: concat!("freshlake/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Sends requests over HTTP/1.1 with kept-open connections.
///
/// Follows no redirect, stores no cookie, retries nothing, and stops reading where a body gets too large.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client,
    body_cap: usize,
}

impl HttpTransport {
    /// A transport of its own connections. Fails for a proxy or a certificate file that cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self> {
        // The first one wins for the whole process; a second call with the same provider changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .gzip(true)
            .user_agent(&options.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(options.idle_connections);
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(Proxy::all(proxy.clone()).map_err(|error| {
                Error::new(ErrorKind::Config, "cannot use the proxy")
                    .because(error.without_url())
                    .next("give it as http://host:port")
            })?);
        }
        if let Some(path) = &options.extra_roots {
            let bad = || {
                let what = format!("cannot use the certificates in {}", path.display());
                Error::new(ErrorKind::Config, what).next("give a PEM file of certificate authorities")
            };
            let pem = std::fs::read(path).map_err(|error| bad().because(error))?;
            let roots = Certificate::from_pem_bundle(&pem).map_err(|error| bad().because(error))?;
            if roots.is_empty() {
                return Err(bad().because("there is none in it"));
            }
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder.build().map_err(|error| {
            Error::new(ErrorKind::Config, "cannot set up TLS")
                .because(error)
                .next("install the ca-certificates package of this system")
        })?;
        Ok(Self { client, body_cap: options.body_cap })
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Bytes, String> {
        let promised = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if promised > self.body_cap {
            return Err(self.too_large());
        }
        let mut next = async || response.chunk().await.map_err(|error| causes(&error.without_url()));
        // Most small answers are one chunk: it is handed on as it is.
        let Some(first) = next().await? else { return Ok(Bytes::new()) };
        let Some(second) = next().await? else { return self.checked(first) };
        let mut body = BytesMut::with_capacity(promised.max(2 * (first.len() + second.len())));
        body.extend_from_slice(&first);
        body.extend_from_slice(&second);
        while let Some(chunk) = next().await? {
            if body.len() + chunk.len() > self.body_cap {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        self.checked(body.freeze())
    }

    fn checked(&self, body: Bytes) -> Result<Bytes, String> {
        if body.len() > self.body_cap { Err(self.too_large()) } else { Ok(body) }
    }

    fn too_large(&self) -> String {
        format!("the answer is larger than {} bytes", self.body_cap)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // Queries hold filters and codes, so only the path is named.
        let uri = request.uri();
        let what = format!("{} {}{}", request.method(), uri.host().unwrap_or_default(), uri.path());
        let failed = |may_have_arrived, why: String| TransportError {
            may_have_arrived,
            message: format!("no answer to {what}: {why}"),
        };

        let request = reqwest::Request::try_from(request)
            .map_err(|error| failed(false, causes(&error.without_url())))?;
        let mut answer = self.client.execute(request).await.map_err(|error| {
            // Names, sockets and TLS come before the first byte of the request.
            let before_the_request = error.is_connect() || error.is_builder();
            failed(!before_the_request, causes(&error.without_url()))
        })?;

        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        *response.body_mut() = self.read_body(answer).await.map_err(|why| failed(true, why))?;
        Ok(response)
    }
}

/// The whole chain of causes: reqwest's own text stops at "error sending request".
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers each connection's requests with `answers`, then closes it.
    async fn serve(answers: &'static [&'static [u8]]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                for answer in answers {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        if socket.read_exact(&mut byte).await.is_err() {
                            break;
                        }
                        seen.extend(byte);
                    }
                    let _ = socket.write_all(answer).await;
                }
            }
        });
        format!("http://{address}/path?code=hunter2")
    }

    fn get(url: &str) -> Request<Bytes> {
        Request::get(url).body(Bytes::new()).unwrap()
    }

    fn transport(body_cap: usize) -> HttpTransport {
        HttpTransport::new(&HttpOptions { body_cap, ..HttpOptions::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let url =
            serve(&[b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nhi"]).await;
        let answer = transport(100).send(get(&url)).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (307, b"hi".as_slice()));
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together_and_a_large_one_refused() {
        const CHUNKED: &[u8] =
            b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n4\r\nfghi\r\n0\r\n\r\n";
        let url = serve(&[CHUNKED]).await;
        assert_eq!(transport(9).send(get(&url)).await.unwrap().body().as_ref(), b"abcdefghi");
        let error = transport(8).send(get(&url)).await.unwrap_err();
        assert!(error.message.contains("larger than 8 bytes"), "{error}");
        let url = serve(&[b"HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\n"]).await;
        assert!(transport(8).send(get(&url)).await.unwrap_err().may_have_arrived);
    }

    #[tokio::test]
    async fn a_cut_body_is_an_error_that_may_have_arrived_and_tells_no_query() {
        let url = serve(&[b"HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\nabc", b""]).await;
        let timeout = Duration::from_millis(300);
        let transport = HttpTransport::new(&HttpOptions { timeout, ..HttpOptions::default() }).unwrap();
        let error = transport.send(get(&url)).await.unwrap_err();
        assert!(error.may_have_arrived);
        assert!(!error.message.contains("hunter2"), "{error}");
        assert!(error.message.starts_with("no answer to GET 127.0.0.1/path: "), "{error}");
    }

    #[tokio::test]
    async fn a_refused_connection_has_not_arrived() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?code=hunter2", listener.local_addr().unwrap());
        drop(listener);
        let error = transport(8).send(get(&url)).await.unwrap_err();
        assert!(!error.may_have_arrived, "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
        // A server that does not speak TLS: the request was never sent.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/?code=hunter2", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.write_all(b"HTTP/1.1 400 x\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        let error = transport(8).send(get(&url)).await.unwrap_err();
        assert!(!error.may_have_arrived, "{error}");
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let extra_roots = Some(file.path().to_owned());
        let error = HttpTransport::new(&HttpOptions { extra_roots, ..HttpOptions::default() }).unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
