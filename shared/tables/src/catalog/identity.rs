use crate::declaration::{
    Child, Column, CursorRule, DeleteRule, Family, Form, Rows, Table, flag, int, json, text, utc,
};

/// Who the token belongs to.
pub static USERS_ME: Table = Table {
    name: "users_me",
    doc: "The person who authorised the connection.",
    family: Family::Identity,
    path: "/auth/api/v1/users/me",
    rows: Rows::Object(None),
    key: &["identity_id"],
    columns: &[
        int("identity_id", "The person, across all businesses"),
        int("id", "The person under its older name"),
        text("identity_uuid", "The person as a UUID"),
        text("first_name", "First name"),
        text("last_name", "Last name"),
        text("email", "E-mail address of the login"),
        text("language", "Language of the login"),
        utc("confirmed_at", "When the e-mail address was confirmed"),
        utc("created_at", "When the login was made"),
        text("unconfirmed_email", "A new e-mail address that still waits for its confirmation").unseen(),
        flag("setup_complete", "Whether the first steps were finished"),
        json("phone_numbers", "Phone numbers"),
        json("addresses", "Addresses"),
        json("profession", "Profession"),
        json("profile", "Name, phone, address and professions as the profile page shows them"),
        json("links", "Paths to related resources"),
        json("permissions", "Feature flags per accounting account"),
        json("subscription_statuses", "State of the subscription per accounting account"),
        json("business_statuses", "State of each business"),
        json("integrations", "Connected products"),
        text("identity_origin", "Where the login came from").unseen(),
    ],
    children: &[BUSINESS_MEMBERSHIPS, ROLES, GROUPS],
    cursor: CursorRule::Whole,
    deleted: DeleteRule::Never,
    scope: "user:profile:read",
    ..Table::MOST
};

const BUSINESS_MEMBERSHIPS: Child = Child {
    name: "business_memberships",
    doc: "One business that the person belongs to, and as what.",
    source: "business_memberships",
    parent_key: "identity_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Array,
    columns: MEMBERSHIP,
};

const MEMBERSHIP: &[Column] = &[
    int("id", "The membership; not the id of the business"),
    text(
        "role",
        "owner, business_partner, business_manager, business_employee, business_accountant, contractor or client",
    ),
    flag("unacknowledged_change", "Whether the person has yet to see a change of role"),
    int("business_id", "The business: business.id, the id of project and time-tracking data")
        .from("business.id"),
    text("business_uuid", "The business as a UUID").from("business.business_uuid"),
    text("business_name", "The name of the business").from("business.name"),
    text("account_id", "Its accounting system; null where only the older roles tell it")
        .from("business.account_id"),
    text("date_format", "How the business writes dates").from("business.date_format"),
    text("timezone", "The time zone of the business").from("business.timezone"),
    flag("business_active", "Whether the business is active").from("business.active"),
    text("business_status", "The state of the business").from("business.status"),
    json("address", "The address of the business").from("business.address"),
    json("phone_number", "The phone number of the business").from("business.phone_number"),
    json("business_clients", "Businesses that are clients of this one").from("business.business_clients"),
];

const ROLES: Child = Child {
    name: "user_roles",
    doc: "One role of the person in one accounting account, as older parts of FreshBooks know it. Sometimes the only place \
          that tells the account.",
    source: "roles",
    parent_key: "identity_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Array,
    columns: &[
        int("id", "The role"),
        text("role", "admin, client and others"),
        text("accountid", "The accounting account"),
        int("systemid", "The accounting account under its number: systems.id"),
        int("userid", "The person within that account"),
        text("destroy_link", "The path by which the role is given up").from("links.destroy"),
        utc("created_at", "When it was given"),
    ],
};

const GROUPS: Child = Child {
    name: "user_groups",
    doc: "One group of people that the person is in.",
    source: "groups",
    parent_key: "identity_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Array,
    columns: &[
        int("id", "The membership"),
        int("group_id", "The group: business.business_group_id for that of a whole business"),
        text("role", "The person's role in it"),
        text("identity_uuid", "The person as a UUID"),
        int("business_id", "The business: business.id"),
        flag("active", "Whether the membership is active"),
    ],
};
