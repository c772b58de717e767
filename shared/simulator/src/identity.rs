//! Who signs in, and which businesses they have.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api;
use crate::book::{Book, Place};
use crate::dice::Dice;
use crate::moment::{at, rfc3339};
use crate::money::Currency;
use crate::refusal::Refusal;
use crate::resources::Family;
use crate::views::{Call, Root, USUAL, View};

/// The identity whose two businesses are simulated.
pub(crate) const OWNER: i64 = 712_001;

/// Somebody else, with a business of their own.
pub(crate) const STRANGER: i64 = 799_001;

/// All businesses. The first two belong to the owner, the last to the stranger.
pub(crate) const PLACES: [Place; 3] = [
    Place {
        name: "Juniper Studio",
        account_id: "qX4mRt",
        business_id: 610_001,
        owner: OWNER,
        home: Currency::Cad,
    },
    Place {
        name: "Tidewater Müller GmbH",
        account_id: "Wn8dLk",
        business_id: 610_002,
        owner: OWNER,
        home: Currency::Usd,
    },
    Place {
        name: "Somebody Else Ltd",
        account_id: "zK2pVb",
        business_id: 690_001,
        owner: STRANGER,
        home: Currency::Gbp,
    },
];

/// A business with its people.
pub(crate) const BUSINESS: View = View {
    name: "business",
    family: Family::Auth,
    root: Root::None,
    scope: "business",
    answer: |call| Ok(Answer::json(StatusCode::OK, &business(&call.business.book, call.options.seed))),
    ..USUAL
};

/// Who works in a business.
pub(crate) const TEAM_MEMBERS: View = View {
    name: "team_members",
    family: Family::Auth,
    root: Root::None,
    scope: "teams",
    answer: team,
    rows: Some(|business, options| team_members(&business.book, options.seed)),
    ..USUAL
};

fn team(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (page, per_page) = api::paging(call.query, Family::Auth, call.options)?;
    let mut all = team_members(&call.business.book, call.options.seed);
    all.retain(|member| call.options.inactive_listed || member["active"] == true);
    let total = all.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = all.into_iter().skip(skip).take(usize::try_from(per_page).unwrap_or(0)).collect();
    let pages = api::pages(total, per_page, call.options);
    let meta = json!({"page": page, "pages": pages, "per_page": per_page, "total": total});
    Ok(Answer::json(StatusCode::OK, &json!({"response": rows, "meta": meta})))
}

/// The number of the accounting system of a business, as `roles[]` has it.
pub(crate) fn system_id(book: &Book) -> i64 {
    let own = PLACES.iter().filter(|place| place.owner == book.owner);
    let before = own.take_while(|place| place.account_id != book.account_id).count();
    654_000 + i64::try_from(before).unwrap_or(0)
}

/// A person of a business.
pub(crate) struct Member {
    pub(crate) identity: i64,
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) email: &'static str,
    pub(crate) role: &'static str,
}

/// The owner and the colleague of a business.
pub(crate) fn members(book: &Book) -> [Member; 2] {
    [
        Member { identity: book.owner, ..person(book.owner) },
        Member {
            identity: book.colleague,
            first: "Jonas",
            last: "Quist",
            email: "jonas@example.com",
            role: "business_employee",
        },
    ]
}

fn person(identity: i64) -> Member {
    if identity == OWNER {
        Member { identity, first: "Amelia", last: "Sørensen", email: "amelia@example.com", role: "owner" }
    } else {
        Member { identity, first: "Bruno", last: "Farrow", email: "bruno@example.com", role: "owner" }
    }
}

/// Whether `business.account_id` of this business is told as null: then only `roles[]` has it.
fn hides_account(book: &Book) -> bool {
    PLACES.get(1).is_some_and(|second| second.business_id == book.business_id)
}

/// `GET /auth/api/v1/users/me`.
pub(crate) fn users_me(identity: i64, books: &[&Book], seed: u64, role: &str) -> Value {
    let member = person(identity);
    let created = books.first().map_or(Timestamp::UNIX_EPOCH, |book| at(book.from));
    let profession = json!({
        "id": 52_414, "business_id": null, "title": "Owner", "company": books.first().map(|book| book.name),
        "designation": null,
    });
    let per_account = |value: &dyn Fn(&Book) -> Value| -> Value {
        books
            .iter()
            .map(|book| (book.account_id.to_owned(), value(book)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({"response": {
        "id": identity,
        "profile": {
            "setup_complete": true, "first_name": member.first, "last_name": member.last, "phone_number": null,
            "address": null, "professions": [profession], "has_password": true,
        },
        "identity_id": identity,
        "identity_uuid": Dice::new(seed, "identity", identity.unsigned_abs()).uuid("uuid"),
        "first_name": member.first,
        "last_name": member.last,
        "email": member.email,
        "language": "en",
        "confirmed_at": rfc3339(created),
        "created_at": rfc3339(created),
        "unconfirmed_email": null,
        "setup_complete": true,
        "phone_numbers": [{"title": "", "phone_number": null}],
        "addresses": [null],
        "profession": profession,
        "links": {
            "me": format!("/service/auth/api/v1/users?id={identity}"),
            "roles": format!("/service/auth/api/v1/users/role/{identity}"),
        },
        "permissions": per_account(&|_| json!({"client.limit": null, "bill.access": true})),
        "groups": books.iter().map(|book| json!({
            "id": book.business_id + 100, "group_id": book.business_id + 200, "role": role,
            "identity_id": identity, "identity_uuid": Dice::new(seed, "identity", identity.unsigned_abs()).uuid("uuid"),
            "business_id": book.business_id, "active": true,
        })).collect::<Vec<_>>(),
        "subscription_statuses": per_account(&|_| json!("active")),
        "business_statuses": per_account(&|_| json!("active")),
        "integrations": {},
        "business_memberships": books.iter().map(|book| membership(book, role)).collect::<Vec<_>>(),
        "identity_origin": null,
        "roles": roles(books),
    }})
}

fn membership(book: &Book, role: &str) -> Value {
    json!({
        // not the business id
        "id": book.business_id - 470_000,
        "role": role,
        "unacknowledged_change": false,
        "business": {
            "id": book.business_id,
            "business_uuid": book.business_uuid,
            "name": book.name,
            "account_id": (!hides_account(book)).then_some(book.account_id),
            "date_format": "yyyy-mm-dd",
            "timezone": "America/Toronto",
            "active": true,
            "status": "active",
            "address": address(book),
            "phone_number": {"id": book.business_id + 400, "phone_number": "4165550100"},
            "business_clients": business_clients(book),
        },
    })
}

fn address(book: &Book) -> Value {
    json!({
        "id": book.business_id + 300, "street": "12 Alder Street", "street2": "", "city": "Toronto",
        "province": "Ontario", "country": "Canada", "postal_code": "M4K 1P1",
    })
}

/// The first business is itself somebody's client: an account id that is not its own.
fn business_clients(book: &Book) -> Value {
    if hides_account(book) {
        return json!([]);
    }
    json!([{
        "id": 5432, "business_id": book.business_id, "account_id": "GAF54x", "userid": 65_342,
        "client_business": {"business_id": book.business_id},
        "account_business": {"account_business_id": 7933, "account_id": "GAF54x"},
    }])
}

/// The deprecated roles: admin of the own accounts, client of a foreign one.
fn roles(books: &[&Book]) -> Vec<Value> {
    let role = |n: i64, role: &str, account: &str, created: Timestamp| {
        let id = 61_270 + n;
        json!({
            "id": id, "role": role, "systemid": 654_000 + n, "userid": n + 1, "created_at": rfc3339(created),
            "links": {"destroy": format!("/service/auth/api/v1/users/role/{id}")}, "accountid": account,
        })
    };
    let mut roles: Vec<Value> =
        (0..).zip(books).map(|(n, book)| role(n, "admin", book.account_id, at(book.from))).collect();
    if let Some(book) = books.first() {
        roles.push(role(9, "client", "GAF54x", at(book.from)));
    }
    roles
}

/// `GET /auth/api/v1/users/business/{id}`.
pub(crate) fn business(book: &Book, seed: u64) -> Value {
    let group = book.business_id + 200;
    let members: Vec<Value> = members(book)
        .iter()
        .map(|member| {
            json!({
                "id": member.identity * 10, "group_id": group, "role": member.role,
                "identity_id": member.identity,
                "identity_uuid": Dice::new(seed, "identity", member.identity.unsigned_abs()).uuid("uuid"),
                "first_name": member.first, "last_name": member.last, "language": "en", "email": member.email,
                "company": book.name, "business_id": book.business_id, "unacknowledged_change": false, "active": true,
            })
        })
        .collect();
    json!({"response": {
        "id": book.business_id,
        "business_uuid": book.business_uuid,
        "name": book.name,
        "account_id": (!hides_account(book)).then_some(book.account_id),
        "business_group": {"id": group, "category": "business", "members": members},
        "number_format": null,
        "date_format": "yyyy-mm-dd",
        "first_day_of_week": 1,
        "active": true,
        "timezone": "America/Toronto",
        "status": "active",
        "advanced_accounting_enabled": true,
        "industry": null,
        "billing_country_code": "CAN",
        "business_type": "llc",
        "address": address(book),
        "phone_number": {"id": book.business_id + 400, "phone_number": "4165550100"},
        "business_clients": [],
    }})
}

/// The rows of `GET /auth/api/v1/businesses/{id}/team_members`.
pub(crate) fn team_members(book: &Book, seed: u64) -> Vec<Value> {
    members(book)
        .iter()
        .map(|member| {
            json!({
                "uuid": Dice::new(seed, "identity", member.identity.unsigned_abs()).uuid("uuid"),
                "first_name": member.first, "middle_name": null, "last_name": member.last, "email": member.email,
                "job_title": null, "street_1": null, "street_2": null, "city": null, "province": null,
                "country": null, "country_code": null, "postal_code": null, "phone_number": null,
                "business_id": book.business_id, "business_role_name": member.role, "active": true, "invited": false,
                "identity_id": member.identity, "invitation_date_accepted": rfc3339(at(book.from)),
                "created_at": rfc3339(at(book.from)), "updated_at": rfc3339(at(book.from + 86_400)),
            })
        })
        .collect()
}
