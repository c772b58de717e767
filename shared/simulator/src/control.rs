//! What tests do to the source behind the extractor's back.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::book::{Book, State};
use crate::changes::Business;
use crate::exchange::Simulator;
use crate::list::{self, Found};
use crate::options::Options;
use crate::requests::Requests;
use crate::resources::{Includes, Kind};
use crate::truth::{self, Truth};
use crate::views;

/// A handle to change rows, options, time and grants, and to ask for the truth.
///
/// `unit` is an account id or a business id; either names the same business. `resource` is a name as in the
/// README: `invoices`, `time_entries`.
#[derive(Clone, Debug)]
pub struct Control {
    simulator: Simulator,
}

/// What freshlake asks the list of a resource to include.
fn included(resource: &str) -> &'static [&'static str] {
    match resource {
        "clients" => &["contacts"],
        "expenses" => &["attachment"],
        "invoices" => &["lines", "presentation"],
        "projects" => &["group"],
        "services" => &["task_id"],
        _ => &["lines"],
    }
}

/// Why something could not be changed or told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No business has this account id or business id.
    #[error("no business with the id {0}")]
    UnknownUnit(String),
    /// No resource has this name.
    #[error("no resource named {0}")]
    UnknownResource(String),
    /// The resource has no row with this id.
    #[error("no row {1} in {0}")]
    UnknownRow(String, i64),
    /// These are not options.
    #[error("not valid options: {0}")]
    BadOptions(String),
}

type Result<T> = std::result::Result<T, ControlError>;

impl Simulator {
    /// The handle to change things.
    pub fn control(&self) -> Control {
        Control { simulator: self.clone() }
    }
}

impl Control {
    fn kind(resource: &str) -> Result<Kind> {
        Kind::named(resource).ok_or_else(|| ControlError::UnknownResource(resource.to_owned()))
    }

    /// The options as they are now.
    pub fn options(&self) -> Options {
        self.simulator.options().clone()
    }

    /// Changes the options. What decides the rows (`seed`, `scale`, `data_until`) stays as it was; the counts
    /// of the faults start anew if the faults change.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        let mut options = self.simulator.options_mut();
        let before = options.clone();
        change(&mut options);
        (options.seed, options.scale, options.data_until) = (before.seed, before.scale, before.data_until);
        let new_faults = options.faults != before.faults;
        drop(options);
        if new_faults {
            self.simulator.state().strikes = crate::faults::Strikes::default();
        }
    }

    /// Changes only the options that `patch` names.
    pub(crate) fn patch_options(&self, patch: &Map<String, Value>) -> Result<Options> {
        let bad = |error: serde_json::Error| ControlError::BadOptions(error.to_string());
        let mut options = serde_json::to_value(self.options()).map_err(bad)?;
        for (key, value) in patch {
            match (options.get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) if key == "oauth" => old.extend(new.clone()),
                _ => options[key] = value.clone(),
            }
        }
        let options: Options = serde_json::from_value(options).map_err(bad)?;
        self.set_options(|old| *old = options);
        Ok(self.options())
    }

    /// Adds a row: a generated one with `fields` put over it. Returns its id.
    pub fn insert(&self, unit: &str, resource: &str, fields: &Value) -> Result<i64> {
        let (kind, now) = (Self::kind(resource)?, self.simulator.updated_now());
        let empty = Map::new();
        let fields = fields.as_object().unwrap_or(&empty);
        let touch = self.simulator.options().children_touch;
        self.on_business(unit, |business| {
            let id = business.insert(kind, fields, now);
            if touch {
                business.touch_parent(kind, id, now);
            }
            id
        })
    }

    /// Puts `fields` over a row and bumps its `updated`, unless `fields` has one of its own.
    pub fn change(&self, unit: &str, resource: &str, id: i64, fields: &Value) -> Result<()> {
        let (kind, now) = (Self::kind(resource)?, self.simulator.updated_now());
        let empty = Map::new();
        let fields = fields.as_object().unwrap_or(&empty);
        let touch = self.simulator.options().children_touch;
        let done = self.on_business(unit, |business| {
            let done = business.change(kind, id, fields, now);
            if done && touch {
                business.touch_parent(kind, id, now);
            }
            done
        })?;
        if done { Ok(()) } else { Err(ControlError::UnknownRow(resource.to_owned(), id)) }
    }

    /// Archives a row; of a project, clears `active`.
    pub fn archive(&self, unit: &str, resource: &str, id: i64) -> Result<()> {
        self.move_to(unit, resource, id, State::Archived)
    }

    /// Deletes a row: softly where the resource knows a deleted state, else for good.
    pub fn delete(&self, unit: &str, resource: &str, id: i64) -> Result<()> {
        self.move_to(unit, resource, id, State::Deleted)
    }

    /// Makes a row active again, also one deleted for good.
    pub fn undelete(&self, unit: &str, resource: &str, id: i64) -> Result<()> {
        self.move_to(unit, resource, id, State::Active)
    }

    fn move_to(&self, unit: &str, resource: &str, id: i64, state: State) -> Result<()> {
        let (kind, now) = (Self::kind(resource)?, self.simulator.updated_now());
        let touch = self.simulator.options().children_touch;
        let done = self.on_business(unit, |business| {
            let done = business.move_to(kind, id, state, now);
            if done && touch {
                business.touch_parent(kind, id, now);
            }
            done
        })?;
        if done { Ok(()) } else { Err(ControlError::UnknownRow(resource.to_owned(), id)) }
    }

    fn on_business<T>(&self, unit: &str, act: impl FnOnce(&mut Business) -> T) -> Result<T> {
        let mut businesses = self.simulator.write_businesses();
        let business = businesses.iter_mut().find(|business| is_named(&business.book, unit));
        business.map(act).ok_or_else(|| ControlError::UnknownUnit(unit.to_owned()))
    }

    /// The simulator's time.
    pub fn now(&self) -> Timestamp {
        self.simulator.now()
    }

    /// The JSON text of a row, to the byte as a list that shows it has it when everything freshlake reads is included;
    /// whatever its state. `None` if it was deleted for good or never was.
    pub fn row(&self, unit: &str, resource: &str, id: i64) -> Result<Option<String>> {
        self.row_including(unit, resource, id, included(resource))
    }

    /// The same with these includes.
    pub fn row_including(
        &self,
        unit: &str,
        resource: &str,
        id: i64,
        includes: &[&str],
    ) -> Result<Option<String>> {
        let kind = Self::kind(resource)?;
        self.look(unit, |business| {
            let index = business.find(kind, id)?;
            let row = match business.change_of(kind, index) {
                Some(change) => Found::Changed(change),
                None => Found::Generated(index),
            };
            let mut text = Vec::with_capacity(4096);
            let includes: Vec<String> = includes.iter().map(|&name| name.to_owned()).collect();
            list::write_row(&mut text, business, kind.declaration(), row, Includes::Some(&includes));
            String::from_utf8(text).ok()
        })
    }

    /// The state of a row; `None` if it was deleted for good or never was.
    pub fn state(&self, unit: &str, resource: &str, id: i64) -> Result<Option<State>> {
        let kind = Self::kind(resource)?;
        self.look(unit, |business| {
            let index = business.find(kind, id)?;
            Some(match business.change_of(kind, index) {
                Some(change) => change.state,
                None => Book::state(kind.declaration(), index),
            })
        })
    }

    /// Every existing row's id and state, by id.
    pub fn all(&self, unit: &str, resource: &str) -> Result<Vec<(i64, State)>> {
        let kind = Self::kind(resource)?;
        self.look(unit, |business| {
            let generated = (0..business.book.count(kind))
                .filter(|index| business.change_of(kind, *index).is_none() && business.book.has(kind, *index))
                .map(|index| (kind.id(index), Book::state(kind.declaration(), index)));
            let changed = business.changed(kind).filter(|(_, change)| !change.gone);
            let mut all: Vec<_> =
                generated.chain(changed.map(|(index, change)| (kind.id(index), change.state))).collect();
            all.sort_unstable();
            all
        })
    }

    fn look<T>(&self, unit: &str, look: impl FnOnce(&Business) -> T) -> Result<T> {
        let businesses = self.simulator.read_businesses();
        let business = businesses.iter().find(|business| is_named(&business.book, unit));
        business.map(look).ok_or_else(|| ControlError::UnknownUnit(unit.to_owned()))
    }

    /// What there is of a resource, every lifecycle state included. Looks at every row.
    pub fn truth(&self, unit: &str, resource: &str, with_ids: bool) -> Result<Truth> {
        match (Kind::named(resource), views::with_rows(resource)) {
            (Some(kind), _) => self.look(unit, |business| truth::truth(business, kind, with_ids)),
            (None, Some(rows)) => {
                let options = self.options();
                self.look(unit, |business| truth::of_rows(&rows(business, &options)))
            }
            _ => Err(ControlError::UnknownResource(resource.to_owned())),
        }
    }

    /// Puts the simulator's clock forward, or back.
    pub fn advance(&self, by: SignedDuration) {
        let state = &mut self.simulator.state();
        state.ahead = state.ahead.saturating_add(by);
    }

    /// Revokes one access or refresh token.
    pub fn revoke(&self, token: &str) {
        self.simulator.state().grants.revoke(token);
    }

    /// Revokes every access token; refresh tokens stay good.
    pub fn revoke_access_tokens(&self) {
        self.simulator.state().grants.revoke_all_access();
    }

    /// Ends every grant: refresh tokens are dead, a person has to authorise again. Access tokens live on.
    pub fn kill_grants(&self) {
        self.simulator.state().grants.kill_grants();
    }

    /// What has been asked since the start or the last reset.
    pub fn requests(&self) -> Requests {
        self.simulator.state().requests.clone()
    }

    /// Forgets what has been asked.
    pub fn reset_requests(&self) {
        self.simulator.state().requests = Requests::default();
    }
}

fn is_named(book: &Book, unit: &str) -> bool {
    book.account_id == unit || book.business_id.to_string() == unit
}
