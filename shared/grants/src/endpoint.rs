//! The token endpoint, and the one that tells whose a token is: what is sent, and what the answers mean.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use freshbooks::IDENTITY_PATH;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use model::port::{Clock, Transport};
use model::{Error, ErrorKind, Result, Timestamp};
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::app::App;
use crate::grant::{Grant, Tokens};
use crate::token::{AccessToken, RefreshToken};

/// FreshBooks' addition to the standard answer: the server's own clock.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Created {
    created_at: Option<i64>,
}

impl ExtraTokenFields for Created {}

type Answer = StandardTokenResponse<Created, BasicTokenType>;
type Failure = RequestTokenError<WireError, BasicErrorResponse>;
type OAuthClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// An exchange that brought no answer of the token endpoint.
#[derive(Debug, thiserror::Error)]
enum WireError {
    #[error("{0}")]
    NotSent(String),
    #[error("{0}")]
    Lost(String),
    #[error("status {0}")]
    Status(StatusCode),
}

/// Why no tokens came.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// `invalid_grant`: this code or refresh token is spent, expired or revoked.
    Spent,
    /// It never left this machine: the same request may be sent again.
    NotSent(Error),
    /// Everything else. What was sent may have been redeemed, so it is not sent again.
    Failed(Error),
}

/// One app's token endpoint.
pub(crate) struct Endpoint<'a> {
    pub app: &'a App,
    pub transport: &'a dyn Transport,
    pub clock: &'a dyn Clock,
}

impl Endpoint<'_> {
    /// Buys the first pair of tokens with the code from the browser.
    pub(crate) async fn exchange(&self, code: &str, verifier: &str) -> Result<Tokens, Refusal> {
        let answer = self
            .client(self.app.redirect_url.as_str())?
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&Wire(self.transport))
            .await;
        self.tokens(answer)
    }

    /// Sends the refresh token of `grant`, once.
    pub(crate) async fn redeem(&self, grant: &Grant) -> Result<Tokens, Refusal> {
        let refresh_token = oauth2::RefreshToken::new(grant.tokens.refresh_token.expose().to_owned());
        let answer = self
            .client(&grant.redirect_url)?
            .exchange_refresh_token(&refresh_token)
            // FreshBooks' own SDKs send it with every refresh; the standard does not know it here.
            .add_extra_param("redirect_uri", grant.redirect_url.clone())
            .request_async(&Wire(self.transport))
            .await;
        self.tokens(answer)
    }

    /// Ends a token at FreshBooks. Not through `oauth2`: that refuses a revoke address on this machine.
    pub(crate) async fn revoke(&self, token: &RefreshToken) -> Result<()> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app.client_id)
            .append_pair("client_secret", self.app.client_secret.expose_secret())
            .append_pair("token", token.expose())
            .finish();
        let unavailable = |why: String| {
            Error::new(ErrorKind::Unavailable, "cannot revoke the tokens at FreshBooks").because(why)
        };
        let mut request = Request::post(self.app.revoke_url.as_str())
            .body(Bytes::from(body))
            .map_err(|error| unavailable(error.to_string()))?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        let answer = self.transport.send(request).await.map_err(|error| unavailable(error.message))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(unavailable(format!("status {}", answer.status())))
        }
    }

    /// Asks FreshBooks who `token` belongs to.
    pub(crate) async fn who(&self, token: &AccessToken) -> Result<http::Response<Bytes>> {
        let wrong = |error: String| {
            Error::new(ErrorKind::Config, "the address of FreshBooks' API is wrong").because(error)
        };
        let url = self.app.api_url.join(IDENTITY_PATH).map_err(|error| wrong(error.to_string()))?;
        let mut request =
            Request::get(url.as_str()).body(Bytes::new()).map_err(|error| wrong(error.to_string()))?;
        request.headers_mut().insert(AUTHORIZATION, token.bearer()?);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.transport.send(request).await;
        answer.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot ask FreshBooks who authorised").because(error)
        })
    }

    fn client(&self, redirect_url: &str) -> Result<OAuthClient, Refusal> {
        let wrong = |error| {
            Refusal::NotSent(Error::new(ErrorKind::Config, "a FreshBooks address is wrong").because(error))
        };
        let redirect_url = RedirectUrl::new(redirect_url.to_owned()).map_err(wrong)?;
        let secret = self.app.client_secret.expose_secret().to_owned();
        Ok(Client::new(ClientId::new(self.app.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(self.app.token_url.clone()))
            .set_redirect_uri(redirect_url))
    }

    /// Reads an answer. Nothing of a failed one is kept but the standard's own error words: a body can
    /// repeat what was sent.
    fn tokens(&self, answer: Result<Answer, Failure>) -> Result<Tokens, Refusal> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(RequestTokenError::ServerResponse(error)) => return Err(refusal(error.error())),
            Err(RequestTokenError::Request(WireError::NotSent(why))) => {
                let error = unavailable("FreshBooks cannot be reached").because(why);
                return Err(Refusal::NotSent(error));
            }
            Err(RequestTokenError::Request(WireError::Status(StatusCode::TOO_MANY_REQUESTS))) => {
                let error = Error::new(ErrorKind::RateLimited, "FreshBooks limits token requests just now");
                return Err(Refusal::Failed(error.next("try again in some minutes")));
            }
            Err(RequestTokenError::Request(why)) => {
                let error =
                    unavailable("FreshBooks did not answer the token request").because(why.to_string());
                return Err(Refusal::Failed(error));
            }
            Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
                return Err(Refusal::Failed(unavailable(
                    "FreshBooks answered the token request with no tokens",
                )));
            }
        };
        let cut = |what| Refusal::Failed(unavailable(what));
        let refresh_token = answer.refresh_token().map(|token| token.secret().as_str()).unwrap_or_default();
        if refresh_token.is_empty() || answer.access_token().secret().is_empty() {
            return Err(cut("FreshBooks answered the token request without both tokens"));
        }
        let created_at = answer.extra_fields().created_at;
        let created_at = created_at.and_then(|at| Timestamp::from_second(at).ok());
        let expires_in = answer
            .expires_in()
            .and_then(|time| i64::try_from(time.as_secs()).ok())
            .ok_or_else(|| cut("FreshBooks answered the token request without expires_in"))?;
        let scopes =
            answer.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
        Ok(Tokens {
            access_token: AccessToken::new(answer.access_token().secret().clone()),
            refresh_token: RefreshToken::new(refresh_token.to_owned()),
            created_at: created_at.unwrap_or_else(|| self.clock.now()),
            expires_in,
            scope: scopes.unwrap_or_default().join(" "),
        })
    }
}

fn unavailable(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

fn refusal(error: &BasicErrorResponseType) -> Refusal {
    let config =
        |message: String, step: &str| Refusal::Failed(Error::new(ErrorKind::Config, message).next(step));
    match error {
        BasicErrorResponseType::InvalidGrant => Refusal::Spent,
        BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => config(
            "FreshBooks does not know this client id and secret".to_owned(),
            "check FRESHBOOKS_CLIENT_ID and FRESHBOOKS_CLIENT_SECRET (on AWS: client_id and client_secret in the app \
             secret) against FreshBooks' developer page",
        ),
        BasicErrorResponseType::Extension(_) => {
            Refusal::Failed(unavailable("FreshBooks refused the token request for a reason of its own"))
        }
        standard => config(
            format!("FreshBooks refused the token request as {}", standard.as_ref()),
            "check that the redirect URL is the one on FreshBooks' developer page",
        ),
    }
}

/// Our transport as the one that `oauth2` wants.
struct Wire<'t>(&'t dyn Transport);

impl<'c> AsyncHttpClient<'c> for Wire<'_> {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.0.send(request.map(Bytes::from)).await.map_err(|error| {
                if error.may_have_arrived {
                    WireError::Lost(error.message)
                } else {
                    WireError::NotSent(error.message)
                }
            })?;
            // Such a body is not the token endpoint's, whatever it says: invalid_grant in a 502 ends no grant.
            let status = answer.status();
            if status.is_server_error() || status.is_redirection() || status == StatusCode::TOO_MANY_REQUESTS
            {
                return Err(WireError::Status(status));
            }
            Ok(answer.map(Vec::from))
        })
    }
}
