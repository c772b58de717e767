//! The Glue Data Catalog as the lake's [`GlueTables`].
//!
//! Three JSON calls, signed and sent by what the SDKs themselves are made of. `aws-sdk-glue`, which knows some 250 more,
//! would add minutes and four gigabytes of memory to a build, and half a megabyte to the function.

mod call;
mod json;

use std::fmt;

use async_trait::async_trait;
use aws_config::SdkConfig;
use lake::glue::{GlueTable, GlueTables, Registered, Registration};
use model::{Error, ErrorKind, Result};

use crate::failure;
use call::{Answer, Client};

/// The Data Catalog of the account and region that the environment names.
#[derive(Clone)]
pub struct GlueCatalog {
    client: Client,
}

impl GlueCatalog {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Sends a change; one of `lost_to` as the answer says that someone else was first.
    async fn change(
        &self,
        action: &'static str,
        on: &str,
        body: serde_json::Value,
        lost_to: &[&str],
    ) -> Result<Registration> {
        let Answer { outcome, one_was_lost } = self.client.call(action, body).await?;
        match outcome {
            Ok(_) => Ok(Registration::Done),
            // After a lost answer, too: whoever loads the table again sees whose change it has.
            Err(error) if lost_to.iter().any(|code| failure::has_code(&error, code)) => {
                Ok(Registration::AnotherFirst)
            }
            Err(error) if one_was_lost => Err(failure::of_kind(ErrorKind::CommitUnknown, action, on, error)
                .next("the change may be there all the same: read the table before it is made again")),
            Err(error) if failure::has_code(&error, "EntityNotFoundException") => Err(failure::storage(
                action, on, error,
            )
            .next("make the database that the lake's tables are to be in; the template of the stack has it")),
            Err(error) => Err(failure::storage(action, on, error)),
        }
    }
}

#[async_trait]
impl GlueTables for GlueCatalog {
    async fn get(&self, database: &str, table: &str) -> Result<Option<Registered>> {
        let body = serde_json::json!({ "DatabaseName": database, "Name": table });
        let on = format!("{database}.{table}");
        match self.client.call("glue:GetTable", body).await?.outcome {
            Ok(body) => json::registered(&body).map(Some).map_err(|error| error.while_doing(on)),
            Err(error) if failure::has_code(&error, "EntityNotFoundException") => Ok(None),
            Err(error) => Err(failure::storage("glue:GetTable", on, error)),
        }
    }

    async fn create(&self, database: &str, table: &GlueTable) -> Result<Registration> {
        let body = serde_json::json!({ "DatabaseName": database, "TableInput": json::table_input(table) });
        let on = format!("{database}.{}", table.name);
        self.change("glue:CreateTable", &on, body, &["AlreadyExistsException"]).await
    }

    async fn update(&self, database: &str, table: &GlueTable, version: &str) -> Result<Registration> {
        let body = serde_json::json!({
            "DatabaseName": database,
            "TableInput": json::table_input(table),
            "VersionId": version,
            // Glue keeps no copy of the entry it replaces: the metadata has its own history.
            "SkipArchive": true,
        });
        let on = format!("{database}.{}", table.name);
        let lost_to = ["ConcurrentModificationException", "VersionMismatchException"];
        self.change("glue:UpdateTable", &on, body, &lost_to).await
    }
}

impl fmt::Debug for GlueCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlueCatalog").finish_non_exhaustive()
    }
}

pub(crate) fn no_region() -> Error {
    Error::new(ErrorKind::Config, "no AWS region is set for Glue").next("set AWS_REGION")
}

#[cfg(test)]
mod tests;
