//! What decides which rows a person sees.

use std::collections::BTreeSet;

use model::{AccountId, BusinessId, Error, ErrorKind, Result, Unit};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// A digest of what decides which rows of `unit` the person `me` sees: their roles, the state of the subscription, the
/// flags of the plan, and the scopes of the token.
pub(crate) fn digest(me: &str, unit: &Unit, scopes: Option<&str>) -> Result<String> {
    let me: Value = serde_json::from_str(me).map_err(|_| {
        Error::new(ErrorKind::Malformed, "the identity that FreshBooks sent cannot be read as JSON")
    })?;
    let list = |key: &str| me.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |value: Option<&Value>, id: &str| match value {
        Some(Value::String(text)) => text == id,
        Some(Value::Number(number)) => number.to_string() == id,
        _ => false,
    };
    let id = match unit {
        Unit::Account(AccountId(id)) => id.clone(),
        Unit::Identity(id) | Unit::Business(BusinessId(id)) => id.to_string(),
    };
    // Role by role as text: FreshBooks may list them in any order, and adds keys that change by themselves.
    let mut facts = BTreeSet::new();
    for membership in list("business_memberships") {
        let business = membership.get("business");
        let of = |key| business.and_then(|b| b.get(key));
        if is(of("id"), &id) || is(of("account_id"), &id) || of("account_id").is_none_or(Value::is_null) {
            let part = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
            facts.insert(format!(
                "member {} {} {}",
                part(of("id")),
                part(membership.get("role")),
                part(of("status"))
            ));
        }
    }
    for role in list("roles").iter().filter(|role| is(role.get("accountid"), &id)) {
        facts.insert(format!("role {}", role.get("role").map(Value::to_string).unwrap_or_default()));
    }
    for map in ["permissions", "subscription_statuses", "business_statuses"] {
        if let Some(value) = me.get(map).and_then(|map| map.get(&id)) {
            facts.insert(format!("{map} {value}"));
        }
    }
    let mut scopes: Vec<&str> = scopes.unwrap_or_default().split_whitespace().collect();
    scopes.sort_unstable();
    facts.insert(format!("scopes {}", scopes.join(" ")));
    let text = facts.into_iter().collect::<Vec<_>>().join("\n");
    Ok(format!("{:016x}", xxh3_64(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_a_plan_or_a_scope_changes_the_digest_and_nothing_else_does() {
        let me = |role: &str, plan: &str, name: &str| {
            let business = json!({"id": 7, "account_id": "A", "name": name, "status": "active"});
            let other = json!({"id": 8, "account_id": "B"});
            json!({
                "first_name": name,
                "business_memberships": [{"role": role, "business": business}, {"role": name, "business": other}],
                "roles": [{"accountid": "A", "role": "admin", "id": name}],
                "permissions": {"A": {"plan": plan}, "B": {"plan": name}},
            })
            .to_string()
        };
        let unit = Unit::Account(AccountId("A".into()));
        let of = |me: String, scopes| digest(&me, &unit, scopes).unwrap();
        let before = of(me("owner", "plus", "one"), Some("b a"));
        assert_eq!(before, of(me("owner", "plus", "two"), Some("a  b")));
        assert_ne!(before, of(me("business_employee", "plus", "one"), Some("b a")));
        assert_ne!(before, of(me("owner", "lite", "one"), Some("b a")));
        assert_ne!(before, of(me("owner", "plus", "one"), Some("a")));
        assert!(digest("<html>", &unit, None).is_err());
    }
}
