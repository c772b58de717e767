//! As much of a browser as the tests need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use url::Url;
use url::form_urlencoded::Serializer;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

pub fn get(url: &str, cookie: Option<&str>) -> Answer {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    send("GET", url, &cookie, "")
}

pub fn get_with_token(url: &str, token: &str) -> Answer {
    send("GET", url, &format!("Authorization: Bearer {token}\r\n"), "")
}

pub fn post(url: &str, kind: &str, body: &str) -> Answer {
    send("POST", url, &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()), body)
}

pub fn post_form(url: &str, form: &str) -> Answer {
    post(url, "application/x-www-form-urlencoded", form)
}

/// Opens the consent page at `url` and presses a button; answers where it leads.
pub fn decide(url: &str, decision: &str) -> String {
    let page = get(url, None);
    assert_eq!(page.status, 200, "{}", page.body);
    let mut form = Serializer::new(String::new());
    for input in page.body.split("<input ").skip(1) {
        let of = |name: &str| {
            let value = input.split_once(&format!("{name}=\""))?.1.split('"').next()?;
            Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
        };
        form.append_pair(&of("name").unwrap(), &of("value").unwrap());
    }
    let form = form.append_pair("decision", decision).finish();
    let action = Url::parse(url).unwrap().join("/oauth/authorize").unwrap();
    post_form(action.as_str(), &form).header("location").unwrap().to_owned()
}

fn send(method: &str, url: &str, headers: &str, body: &str) -> Answer {
    let url = Url::parse(url).unwrap();
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
    let target = &url[url::Position::BeforePath..];
    let text = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    if url.scheme() == "http" {
        return exchange(socket, &text);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ClickedThrough))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    exchange(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket), &text)
}

fn exchange(mut stream: impl Read + Write, text: &str) -> Answer {
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // The other side may close without TLS' own goodbye.
    let _ = stream.read_to_end(&mut bytes);
    let all = String::from_utf8(bytes).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A person who has clicked the browser's warning away.
#[derive(Debug)]
struct ClickedThrough;

impl ServerCertVerifier for ClickedThrough {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
