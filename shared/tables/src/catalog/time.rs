use crate::declaration::{
    Child, Confidence, CursorRule, DeleteRule, Family, Form, Rows, Table, flag, int, json, text, utc,
};

pub(crate) const TIME_ENTRIES: Table = Table {
    name: "time_entries",
    doc: "Time somebody worked.",
    family: Family::TimeTracking,
    path: "/timetracking/business/{business_id}/time_entries",
    rows: Rows::List { list: "time_entries", single: "time_entry" },
    key: &["id"],
    columns: &[
        int("id", "The time entry"),
        int("identity_id", "Who worked: team_members.identity_id"),
        int("client_id", "For whom: clients.id"),
        int("project_id", "On what: projects.id"),
        int("service_id", "Doing what: services.id"),
        int("task_id", "The older number of the service: tasks.id"),
        int("retainer_id", "The retainer: retainers.id").unseen(),
        utc("started_at", "When the work began"),
        int("duration", "Seconds worked"),
        text("note", "Notes"),
        flag("billable", "Whether it may be billed"),
        flag("billed", "Whether it was billed"),
        flag("internal", "Whether it was for the business itself"),
        flag("is_logged", "Whether it is finished; false while a timer runs"),
        flag("active", "false once it was deleted"),
        text("pending_client", "A client that is yet to be made").unseen(),
        text("pending_project", "A project that is yet to be made").unseen(),
        text("pending_task", "A service that is yet to be made").unseen(),
        json("highlight", "What a search found").unseen(),
        text("local_started_at", "When the work began, on the clock of local_timezone"),
        text("local_timezone", "The zone of local_started_at"),
        utc("created_at", "When it was made"),
    ],
    children: &[TIME_ENTRY_TIMERS],
    // Without these a list holds the caller's own, living, logged entries only.
    parameters: &[("team", "true"), ("include_deleted", "true"), ("include_unlogged", "true")],
    cursor: CursorRule::UpdatedSince,
    deleted: DeleteRule::Inactive("active"),
    scope: "user:time_entries:read",
    ..Table::MOST
};

const TIME_ENTRY_TIMERS: Child = Child {
    name: "time_entry_timers",
    doc: "The timer with which a time entry was made.",
    source: "timer",
    parent_key: "time_entry_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Object,
    columns: &[int("id", "The timer: timers.id"), flag("is_running", "Whether it runs")],
};

pub(crate) const TIME_ENTRIES_SEARCH: Table = Table {
    name: "time_entries_search",
    doc: "Time entries as the search of the web page finds them: the rows of time_entries once more.",
    family: Family::Comments,
    path: "/comments/business/{business_id}/time_entries/search",
    rows: Rows::List { list: "time_entries", single: "time_entry" },
    columns: &[
        int("id", "The time entry: time_entries.id"),
        int("identity_id", "Who worked: team_members.identity_id"),
        int("client_id", "For whom: clients.id"),
        int("project_id", "On what: projects.id"),
        int("service_id", "Doing what: services.id").unseen(),
        int("task_id", "The older number of the service: tasks.id").unseen(),
        int("retainer_id", "The retainer: retainers.id").unseen(),
        utc("started_at", "When the work began"),
        int("duration", "Seconds worked"),
        text("note", "Notes"),
        flag("billable", "Whether it may be billed"),
        flag("billed", "Whether it was billed"),
        flag("internal", "Whether it was for the business itself"),
        flag("is_logged", "Whether it is finished; false while a timer runs"),
        flag("active", "false once it was deleted"),
        text("pending_client", "A client that is yet to be made").unseen(),
        text("pending_project", "A project that is yet to be made").unseen(),
        text("pending_task", "A service that is yet to be made").unseen(),
        json("timer", "The timer with which it was made").unseen(),
        json("highlight", "What the search found").unseen(),
        utc("created_at", "When it was made"),
    ],
    deleted: DeleteRule::Inactive("active"),
    scope: "user:time_entries:read",
    on_request: true,
    confidence: Confidence::Medium,
    ..Table::MOST
};

/// No answer was ever seen: the list is taken to be called after the path, as every list beside it is.
pub(crate) const TIMERS: Table = Table {
    name: "timers",
    doc: "A timer with which time entries are made.",
    family: Family::Comments,
    path: "/comments/business/{business_id}/timers",
    rows: Rows::List { list: "timers", single: "timer" },
    columns: &[int("id", "The timer"), flag("is_running", "Whether it runs").unseen()],
    deleted: DeleteRule::Vanishes,
    scope: "user:time_entries:read",
    confidence: Confidence::Low,
    ..Table::MOST
};
