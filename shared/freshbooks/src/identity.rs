//! Who a token belongs to, and which businesses it reaches: `GET /auth/api/v1/users/me`.

use std::collections::BTreeSet;

use model::{AccountId, BusinessId, Error, ErrorKind, OtherIds, Result};
use serde::{Deserialize, Deserializer, Serialize};

/// The path that tells the identity.
pub const IDENTITY_PATH: &str = "/auth/api/v1/users/me";

/// The person behind an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// FreshBooks' id of the person.
    pub identity_id: i64,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their first name.
    pub first_name: Option<String>,
    /// Their last name.
    pub last_name: Option<String>,
    /// The businesses they are a member of, each once, in FreshBooks' order.
    pub businesses: Vec<Business>,
}

/// One business that an identity is a member of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Its id in project and time-tracking paths. Not the id of the membership.
    pub business_id: BusinessId,
    /// Its id in ledger paths.
    pub business_uuid: Option<String>,
    /// Its name.
    pub name: String,
    /// Its accounting system; a business without one still has projects and time entries.
    pub account_id: Option<AccountId>,
    /// What the old roles call that accounting system. (API reference: it is probably the id in the path of systems.)
    #[serde(default)]
    pub system_id: Option<i64>,
    /// What the person is in it: `owner`, `business_employee`, `client`. Decides what they see.
    pub role: String,
}

impl Business {
    /// What else its units are called.
    pub fn other_ids(&self) -> OtherIds {
        OtherIds {
            account_id: self.account_id.clone(),
            business_uuid: self.business_uuid.clone(),
            system_id: self.system_id,
        }
    }
}

impl Identity {
    /// Reads the body of [`IDENTITY_PATH`]. Fails with [`ErrorKind::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self> {
        // serde_json's own text can quote the body, which is personal: only the place is told.
        let answer: Answer = serde_json::from_slice(body).map_err(|error| {
            let message = format!(
                "the identity that FreshBooks sent cannot be read at line {} column {}",
                error.line(),
                error.column()
            );
            Error::new(ErrorKind::Malformed, message)
        })?;
        let me = answer.response;
        let identity_id = me.identity_id.or(me.id).ok_or_else(|| {
            Error::new(ErrorKind::Malformed, "the identity that FreshBooks sent has no identity_id")
        })?;
        Ok(Self {
            identity_id,
            email: me.email,
            first_name: me.first_name,
            last_name: me.last_name,
            businesses: businesses(
                &me.business_memberships.unwrap_or_default(),
                &me.roles.unwrap_or_default(),
            ),
        })
    }
}

/// Finds each business's accounting system.
///
/// Most businesses name it. For the others the answer holds hints, and a wrong guess would put one
/// business's books under another's name, so a hint counts only where it leaves no choice:
/// 1. `business.account_id`, as it is.
/// 2. A `business_clients` entry that says of its account that it belongs to this very business. Entries
///    about other businesses (whose client this one is) never count.
/// 3. The old `roles` name accounts but no business. What remains after taking out every account that 1, 2
///    or any `business_clients` entry gives to someone, and the accounts of which the person is only a
///    client, is matched by the kind of role: if exactly one account and exactly one business of that kind
///    are left, they belong together.
///
/// Otherwise there is no account id, and the accounting tables of that business are not read.
fn businesses(memberships: &[Membership], roles: &[OlderRole]) -> Vec<Business> {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut businesses: Vec<Business> = Vec::new();
    for Membership { role, business } in memberships {
        let Some(business) = business else { continue };
        let entries = business.business_clients.as_deref().unwrap_or_default();
        taken.extend(entries.iter().filter_map(Entry::account));
        let account = filled(business.account_id.as_deref()).or_else(|| own_entry(business.id, entries));
        taken.extend(account);
        let account_id = account.map(|id| AccountId(id.to_owned()));
        // Two memberships of one business are one business.
        if let Some(known) = businesses.iter_mut().find(|b| b.business_id.0 == business.id) {
            known.account_id = known.account_id.take().or(account_id);
            continue;
        }
        businesses.push(Business {
            business_id: BusinessId(business.id),
            business_uuid: business.business_uuid.clone(),
            name: business.name.clone().unwrap_or_default(),
            account_id,
            system_id: None,
            role: role.clone().unwrap_or_default(),
        });
    }

    let left: BTreeSet<(&str, &str)> = roles
        .iter()
        .filter_map(|role| Some((kind(role.role.as_deref()?), filled(role.accountid.as_deref())?)))
        .filter(|(kind, account)| *kind != "client" && !taken.contains(account))
        .collect();
    let without: Vec<String> =
        businesses.iter().filter(|b| b.account_id.is_none()).map(|b| b.role.clone()).collect();
    for business in businesses.iter_mut().filter(|b| b.account_id.is_none()) {
        let same = kind(&business.role);
        // An account under two kinds of role fits two kinds of business, so it decides nothing.
        let mut fitting = left.iter().filter(|(role, _)| *role == same);
        let (Some((_, account)), None) = (fitting.next(), fitting.next()) else { continue };
        let only_role = left.iter().filter(|(_, other)| other == account).count() == 1;
        let only_business = without.iter().filter(|role| kind(role) == same).count() == 1;
        if only_role && only_business {
            business.account_id = Some(AccountId((*account).to_owned()));
        }
    }
    for business in &mut businesses {
        let account = business.account_id.as_ref().map(|account| account.0.as_str());
        let role = roles.iter().find(|role| account.is_some() && role.accountid.as_deref() == account);
        business.system_id = role.and_then(|role| role.systemid.as_deref()?.parse().ok());
    }
    businesses
}

/// The one account that `entries` give to the business itself.
fn own_entry(business: i64, entries: &[Entry]) -> Option<&str> {
    let own: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| {
            entry.account_business.as_ref().and_then(|owner| owner.account_business_id) == Some(business)
        })
        .filter_map(Entry::account)
        .collect();
    if own.len() == 1 { own.first().copied() } else { None }
}

/// Old roles call the owner `admin`; the others have the same word in both places.
fn kind(role: &str) -> &str {
    if role == "admin" { "owner" } else { role }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct Answer {
    response: Me,
}

#[derive(Deserialize)]
struct Me {
    #[serde(default, deserialize_with = "number")]
    identity_id: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    id: Option<i64>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    business_memberships: Option<Vec<Membership>>,
    roles: Option<Vec<OlderRole>>,
}

#[derive(Deserialize)]
struct Membership {
    role: Option<String>,
    business: Option<Member>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(deserialize_with = "required_number")]
    id: i64,
    business_uuid: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    account_id: Option<String>,
    business_clients: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "text")]
    account_id: Option<String>,
    account_business: Option<Owner>,
}

impl Entry {
    fn account(&self) -> Option<&str> {
        let owners = self.account_business.as_ref().and_then(|owner| filled(owner.account_id.as_deref()));
        owners.or_else(|| filled(self.account_id.as_deref()))
    }
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default, deserialize_with = "number")]
    account_business_id: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    account_id: Option<String>,
}

#[derive(Deserialize)]
struct OlderRole {
    role: Option<String>,
    #[serde(default, deserialize_with = "text")]
    accountid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    systemid: Option<String>,
}

/// FreshBooks API: ids come as numbers or as strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

fn number<'de, D: Deserializer<'de>>(source: D) -> Result<Option<i64>, D::Error> {
    Ok(match Option::<Id>::deserialize(source)? {
        None => None,
        Some(Id::Number(number)) => Some(number),
        Some(Id::Text(text)) if text.is_empty() => None,
        Some(Id::Text(text)) => Some(text.parse().map_err(serde::de::Error::custom)?),
    })
}

fn required_number<'de, D: Deserializer<'de>>(source: D) -> Result<i64, D::Error> {
    number(source)?.ok_or_else(|| serde::de::Error::custom("an id is missing"))
}

fn text<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Id>::deserialize(source)?.map(|id| match id {
        Id::Number(number) => number.to_string(),
        Id::Text(text) => text,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn accounts(memberships: &Value, roles: &Value) -> Vec<Option<String>> {
        let body =
            json!({"response": {"identity_id": "7", "business_memberships": memberships, "roles": roles}});
        let identity = Identity::parse(body.to_string().as_bytes()).unwrap();
        identity.businesses.into_iter().map(|b| b.account_id.map(|id| id.0)).collect()
    }

    fn member(id: i64, role: &str, account: Option<&str>) -> Value {
        json!({"id": 1, "role": role, "business": {"id": id, "name": "B", "account_id": account}})
    }

    fn role(kind: &str, account: &str) -> Value {
        json!({"role": kind, "accountid": account})
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands beside None in what is expected")]
    fn some(account: &str) -> Option<String> {
        Some(account.to_owned())
    }

    #[test]
    fn the_recorded_answer_is_read() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/freshbooks/fixtures/py__auth_me_response.json"
        );
        let Ok(body) = std::fs::read(file) else {
            println!("SKIPPED: no recorded bodies at {file}");
            return;
        };
        let identity = Identity::parse(&body).unwrap();
        assert_eq!(identity.identity_id, 12345);
        assert_eq!(identity.email.as_deref(), Some("skovalic@cis.com"));
        assert_eq!(identity.first_name.as_deref(), Some("Simon"));
        let [one, two] = identity.businesses.as_slice() else { panic!("{:?}", identity.businesses) };
        assert_eq!(one.business_id, BusinessId(439_000));
        assert_eq!(one.account_id, Some(AccountId("ABC123".into())));
        assert_eq!((one.role.as_str(), one.business_uuid.as_deref()), ("owner", Some("a_uuid1")));
        assert_eq!(two.account_id, Some(AccountId("ABC124".into())));
        assert_eq!(two.name, "Bayern Corporation");

        let refused = std::fs::read(file.replace(".json", "__no_auth.json")).unwrap();
        assert_eq!(Identity::parse(&refused).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn an_account_that_only_one_business_can_have_is_found_by_the_role() {
        let both = json!([member(1, "owner", None), member(2, "business_employee", Some("B"))]);
        let roles = json!([role("admin", "A"), role("business_employee", "B"), role("client", "C")]);
        assert_eq!(accounts(&both, &roles), [some("A"), some("B")]);
    }

    #[test]
    fn a_business_never_gets_the_account_of_another() {
        let one = json!([member(1, "owner", None)]);
        // only a client there; taken by a named business; two to choose from; another kind of role
        assert_eq!(accounts(&one, &json!([role("client", "C")])), [None]);
        let named = json!([member(1, "owner", None), member(2, "owner", Some("B"))]);
        assert_eq!(accounts(&named, &json!([role("admin", "B")])), [None, some("B")]);
        assert_eq!(accounts(&one, &json!([role("admin", "A"), role("admin", "B")])), [None]);
        assert_eq!(accounts(&one, &json!([role("business_employee", "A")])), [None]);
        let two = json!([member(1, "owner", None), member(2, "owner", None)]);
        assert_eq!(accounts(&two, &json!([role("admin", "A")])), [None, None]);
        // the same account under two kinds of role
        assert_eq!(accounts(&one, &json!([role("admin", "A"), role("business_manager", "A")])), [None]);
    }

    #[test]
    fn a_client_entry_counts_only_where_it_names_this_business_as_the_owner() {
        let with = |owner: i64| {
            let entry = json!({"account_id": "X", "account_business": {"account_business_id": owner, "account_id": "X"}});
            json!([{"role": "owner", "business": {"id": "1", "business_clients": [entry]}}])
        };
        assert_eq!(accounts(&with(1), &json!([])), [some("X")]);
        assert_eq!(accounts(&with(9), &json!([])), [None]);
        // and what it gives to another business is not up for matching by role
        assert_eq!(accounts(&with(9), &json!([role("admin", "X")])), [None]);
    }

    #[test]
    fn two_memberships_of_one_business_are_one_business() {
        let twice = json!([member(1, "owner", None), member(1, "business_accountant", Some("A"))]);
        assert_eq!(accounts(&twice, &json!([])), [some("A")]);
    }

    #[test]
    fn what_is_no_identity_is_refused_without_quoting_it() {
        for body in
            ["", "<html>hunter2", "{}", r#"{"response":{}}"#, r#"{"response":{"identity_id":"hunter2"}}"#]
        {
            let error = Identity::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
