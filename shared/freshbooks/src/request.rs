//! From a table declaration to the address of one page.

use jiff::civil::Date;
use model::{AccountId, BusinessId, Error, ErrorKind, OtherIds, Result, Timestamp, Unit};
use tables::{CursorRule, Family, Rows, Table};
use url::Url;

/// FreshBooks caps a page at this many rows, in silence.
pub const PER_PAGE: u32 = 100;

/// Which rows of a table to ask for, by when they changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// All of them.
    Beginning,
    /// Those changed on or after this day, as FreshBooks cuts days.
    Day(Date),
    /// Those changed at or after this instant.
    Instant(Timestamp),
}

/// Which rows of a table to ask for, by whether they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Whatever FreshBooks lists of its own accord.
    Default,
    /// Active, deleted and archived ones in one list.
    All,
    /// Active ones: `vis_state` 0.
    Active,
    /// Deleted ones: `vis_state` 1.
    Deleted,
    /// Archived ones: `vis_state` 2.
    Archived,
}

/// What to ask for; `page` counts from 1.
#[derive(Clone, Debug)]
pub struct Request {
    /// The table.
    pub table: &'static Table,
    /// Whose rows.
    pub unit: Unit,
    /// What else that unit is called.
    pub ids: OtherIds,
    /// The row of another table that it is about, where the table is asked for row by row.
    pub parent: Option<i64>,
    /// Changed since when.
    pub since: Since,
    /// Changed before this day, as FreshBooks cuts days; no end if absent.
    pub until: Option<Date>,
    /// In which state of life.
    pub lifecycle: Lifecycle,
    /// Parameters of a report: its period.
    pub parameters: Vec<(&'static str, String)>,
    /// Which page.
    pub page: u64,
}

impl Request {
    /// The first page of everything that FreshBooks lists of its own accord.
    pub fn new(table: &'static Table, unit: &Unit) -> Self {
        Self {
            table,
            unit: unit.clone(),
            ids: OtherIds::default(),
            parent: None,
            since: Since::Beginning,
            until: None,
            lifecycle: Lifecycle::Default,
            parameters: Vec::new(),
            page: 1,
        }
    }

    /// The same request, of a unit that is also called `ids`.
    #[must_use]
    pub fn called(self, ids: &OtherIds) -> Self {
        Self { ids: ids.clone(), ..self }
    }

    /// The same request for another page.
    #[must_use]
    pub fn at_page(&self, page: u64) -> Self {
        Self { page, ..self.clone() }
    }

    /// The path and query, below `base`.
    pub fn url(&self, base: &Url) -> Result<Url> {
        let mut url = base.clone();
        {
            let mut path = url.path_segments_mut().map_err(|()| {
                Error::new(ErrorKind::Config, format!("{base} cannot be the address of FreshBooks"))
                    .next("set FRESHBOOKS_API_URL to an address like https://api.freshbooks.com")
            })?;
            path.pop_if_empty();
            for part in self.table.path.split('/').filter(|part| !part.is_empty()) {
                match part {
                    "{account_id}" => path.push(self.account()?),
                    "{business_id}" => path.push(&self.business()?),
                    "{business_uuid}" => path.push(self.business_uuid()?),
                    "{system_id}" => path.push(&self.system_id()?.to_string()),
                    part if self.table.each.is_some_and(|each| each.placeholder == part) => {
                        path.push(&self.parent()?.to_string())
                    }
                    part => path.push(part),
                };
            }
        }
        self.query(&mut url);
        Ok(url)
    }

    fn account(&self) -> Result<&str> {
        match &self.unit {
            Unit::Account(AccountId(id)) => Ok(id),
            other => Err(self.wrong_unit(other, "an account")),
        }
    }

    fn business(&self) -> Result<String> {
        match &self.unit {
            Unit::Business(BusinessId(id)) => Ok(id.to_string()),
            other => Err(self.wrong_unit(other, "a business")),
        }
    }

    fn business_uuid(&self) -> Result<&str> {
        self.ids.business_uuid.as_deref().ok_or_else(|| self.unnamed("uuid"))
    }

    fn system_id(&self) -> Result<i64> {
        self.ids.system_id.ok_or_else(|| self.unnamed("system id"))
    }

    fn parent(&self) -> Result<i64> {
        self.parent.ok_or_else(|| {
            let what = format!("{} is asked for row by row of another table", self.table.name);
            Error::new(ErrorKind::Internal, what)
        })
    }

    fn unnamed(&self, what: &str) -> Error {
        let table = self.table.name;
        let missing = format!("{table} wants the {what} of {}, which FreshBooks has not told", self.unit);
        Error::new(ErrorKind::NotFound, missing).next("connect again: FreshBooks tells it to new connections")
    }

    fn wrong_unit(&self, unit: &Unit, wanted: &str) -> Error {
        Error::new(ErrorKind::Internal, format!("{} belongs to {wanted}, not to {unit}", self.table.name))
    }

    fn query(&self, url: &mut Url) {
        let family = self.table.family;
        let mut pairs: Vec<(&str, String)> = Vec::new();
        if matches!(self.table.rows, Rows::List { .. }) {
            pairs.push(("page", self.page.to_string()));
            pairs.push(("per_page", PER_PAGE.to_string()));
        }
        pairs.extend(self.table.includes.iter().map(|include| ("include[]", (*include).to_owned())));
        pairs.extend(self.table.parameters.iter().map(|(key, value)| (*key, (*value).to_owned())));
        pairs.extend(self.parameters.iter().cloned());
        match (self.since, self.table.cursor) {
            (Since::Day(day), CursorRule::UpdatedDay { .. }) => {
                pairs.push(("search[updated_min]", day.to_string()));
            }
            (Since::Instant(at), CursorRule::UpdatedSince) => {
                pairs.push(("updated_since", at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
            }
            _ => {}
        }
        if let (Some(day), CursorRule::UpdatedDay { .. }) = (self.until, self.table.cursor) {
            pairs.push(("search[updated_max]", day.to_string()));
        }
        if family == Family::Accounting {
            let states: &[&str] = match self.lifecycle {
                Lifecycle::Default => &[],
                Lifecycle::All => &["0", "1", "2"],
                Lifecycle::Active => &["0"],
                Lifecycle::Deleted => &["1"],
                Lifecycle::Archived => &["2"],
            };
            let key = if states.len() > 1 { "search[vis_state][]" } else { "search[vis_state]" };
            pairs.extend(states.iter().map(|state| (key, (*state).to_owned())));
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(request: &Request) -> String {
        let url = request.url(&Url::parse("http://127.0.0.1:9/base/").unwrap()).unwrap();
        url.as_str().replace("%5B", "[").replace("%5D", "]")
    }

    #[test]
    fn each_family_is_asked_in_its_own_words() {
        let mut invoices =
            Request::new(tables::find("invoices").unwrap(), &Unit::Account(AccountId("ab/c".into())));
        invoices.since = Since::Day(Date::constant(2026, 3, 31));
        invoices.until = Some(Date::constant(2026, 4, 2));
        invoices.lifecycle = Lifecycle::Deleted;
        assert_eq!(
            url(&invoices.at_page(3)),
            "http://127.0.0.1:9/base/accounting/account/ab%2Fc/invoices/invoices?page=3&per_page=100\
             &include[]=lines&include[]=presentation&search[updated_min]=2026-03-31&search[updated_max]=2026-04-02&search[vis_state]=1"
        );
        let mut entries = Request::new(tables::find("time_entries").unwrap(), &Unit::Business(BusinessId(7)));
        entries.since = Since::Instant("2026-03-31T10:00:00.5Z".parse().unwrap());
        assert_eq!(
            url(&entries),
            "http://127.0.0.1:9/base/timetracking/business/7/time_entries?page=1&per_page=100&team=true\
             &include_deleted=true&include_unlogged=true&updated_since=2026-03-31T10%3A00%3A00Z"
        );
        let me = Request::new(tables::find("users_me").unwrap(), &Unit::Identity(1));
        assert_eq!(url(&me), "http://127.0.0.1:9/base/auth/api/v1/users/me");
        let wrong = Request::new(tables::find("taxes").unwrap(), &Unit::Business(BusinessId(7)));
        assert!(wrong.url(&Url::parse("http://127.0.0.1:9").unwrap()).is_err());
    }
}
