use crate::declaration::{
    Confidence, CursorRule, DeleteRule, Family, Rows, Table, date, decimal, flag, int, text, utc,
};

pub(crate) const SERVICES: Table = Table {
    name: "services",
    doc: "A kind of work that may be billed.",
    family: Family::Comments,
    path: "/comments/business/{business_id}/services",
    rows: Rows::List { list: "services", single: "service" },
    key: &["id"],
    columns: &[
        int("id", "The service"),
        int("business", "The business; named so because business_id is the partition").from("business_id"),
        text("name", "Name"),
        flag("billable", "Whether its time may be billed"),
        flag("project_default", "Whether new projects have it").unseen(),
        int("task_id", "The older number of the service: tasks.id").unseen(),
        int("vis_state", "0 active, 1 deleted, 2 archived"),
    ],
    parameters: &[("include_task_id", "true")],
    cursor: CursorRule::Whole,
    deleted: DeleteRule::Vanishes,
    scope: "user:billable_items:read",
    ..Table::MOST
};

pub(crate) const SERVICE_RATES: Table = Table {
    name: "service_rates",
    doc: "The price of an hour of a service.",
    family: Family::Comments,
    path: "/comments/business/{business_id}/service_rates",
    rows: Rows::List { list: "service_rates", single: "service_rate" },
    key: &["service_id"],
    columns: &[
        int("service_id", "The service: services.id"),
        int("business", "The business: business.id").from("business_id"),
        decimal("rate", "Price of an hour, in the currency of the business"),
    ],
    deleted: DeleteRule::Vanishes,
    scope: "user:billable_items:read",
    ..Table::MOST
};

pub(crate) const RETAINERS: Table = Table {
    name: "retainers",
    doc: "Work that a client pays for regularly, by the hour or not.",
    family: Family::Comments,
    path: "/comments/business/{business_id}/retainers",
    rows: Rows::List { list: "retainers", single: "retainer" },
    columns: &[
        int("id", "The retainer"),
        int("business", "The business: business.id").from("business_id"),
        int("system_id", "The accounting system: systems.id"),
        int("client_user_id", "The client: clients.id"),
        int("invoice_profile_id", "The recurring profile that bills it: invoice_profiles.id").unseen(),
        date("start_date", "When it began"),
        date("next_period_start_date", "When its next period begins"),
        decimal("fee", "Price of a period, in the client's currency"),
        decimal("excess_rate", "Price of an hour beyond the budget, in the client's currency"),
        int("budgeted_time", "Seconds per period"),
        flag("active", "false once it was ended or deleted"),
        utc("created_at", "When it was made; written without a zone, taken as UTC"),
        utc("updated_at", "When it last changed; written without a zone, taken as UTC"),
    ],
    deleted: DeleteRule::Inactive("active"),
    scope: "user:retainers:read",
    confidence: Confidence::Medium,
    ..Table::MOST
};
