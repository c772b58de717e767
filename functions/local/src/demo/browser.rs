//! A browser that knows one page: the consent form of the made-up FreshBooks, over real HTTP.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Request, Response};
use model::port::Transport;
use model::{Error, ErrorKind, Result};
use url::Url;
use url::form_urlencoded::Serializer;

/// Opens the consent page at `url` and presses "Allow"; answers the address that leads back.
pub(super) async fn allow(transport: &dyn Transport, url: &Url) -> Result<Url> {
    let page = send(transport, Request::get(url.as_str()), Bytes::new()).await?;
    let html = String::from_utf8_lossy(page.body());
    let Some(action) = attribute(&html, "<form ", "action") else {
        return Err(strange(&page, "has no form"));
    };
    let action = url.join(&action).map_err(|_| strange(&page, "has a form that leads nowhere"))?;
    let mut form = Serializer::new(String::new());
    for input in html.split("<input ").skip(1) {
        let input = input.split('>').next().unwrap_or_default();
        if let (Some(name), Some(value)) = (attribute(input, "", "name"), attribute(input, "", "value")) {
            form.append_pair(&name, &value);
        }
    }
    let body = Bytes::from(form.append_pair("decision", "allow").finish());
    let post = Request::post(action.as_str()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = send(transport, post, body).await?;
    let back = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| to.parse().ok());
    back.ok_or_else(|| strange(&answer, "leads nowhere"))
}

async fn send(
    transport: &dyn Transport,
    builder: http::request::Builder,
    body: Bytes,
) -> Result<Response<Bytes>> {
    let request = builder
        .body(body)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot build the request").because(error))?;
    transport
        .send(request)
        .await
        .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot open the consent page").because(error))
}

fn strange(page: &Response<Bytes>, why: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("the consent page ({}) {why}", page.status()))
}

/// The value of the attribute `name` in the first tag after `tag`, with its entities resolved.
fn attribute(html: &str, tag: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(tag)?;
    let inside = rest.split('>').next()?;
    let (_, value) = inside.split_once(&format!("{name}=\""))?;
    let value = value.split('"').next()?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_with_their_entities() {
        let html =
            r#"<p>x</p><form method="post" action="/a?b&amp;c"><input name="n" value="&lt;1&gt;&quot;">"#;
        assert_eq!(attribute(html, "<form ", "action").as_deref(), Some("/a?b&c"));
        assert_eq!(attribute(html, "<input ", "value").as_deref(), Some("<1>\""));
        assert_eq!(attribute(html, "<input ", "type"), None);
    }
}
