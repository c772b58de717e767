//! The broker as the source client sees it: one connection's tokens.

use std::sync::Arc;

use async_trait::async_trait;
use model::{ConnectionName, Result};
use secrecy::SecretString;

use crate::Broker;
use crate::token::AccessToken;

/// Access tokens of one connection, for a worker's requests. Reads, never refreshes.
#[derive(Clone, Debug)]
pub struct ConnectionTokens {
    /// Who keeps the tokens.
    pub broker: Arc<Broker>,
    /// Whose they are.
    pub connection: ConnectionName,
}

#[async_trait]
impl freshbooks::Tokens for ConnectionTokens {
    /// Also a token whose time is over by this machine's clock: where that clock is wrong the token works, and
    /// where it is right FreshBooks says so at the price of one call.
    async fn current(&self) -> Result<SecretString> {
        Ok(self.broker.present(&self.connection).await?.tokens.access_token.secret().clone())
    }

    async fn after_rejection(&self, rejected: &SecretString) -> Result<SecretString> {
        let rejected = AccessToken::new(rejected.clone());
        let token = self.broker.reread_after_rejection(&self.connection, &rejected).await?;
        Ok(token.secret().clone())
    }

    async fn scopes(&self) -> Result<Option<String>> {
        let scope = self.broker.present(&self.connection).await?.tokens.scope;
        // A token answer need not name them.
        Ok((!scope.is_empty()).then_some(scope))
    }
}
