use crate::declaration::{
    Child, CursorRule, DeleteRule, Family, Form, Rows, Table, date, decimal, flag, int, json, text, utc,
};

pub(crate) const PROJECTS: Table = Table {
    name: "projects",
    doc: "Work for a client, or inside the business.",
    family: Family::Projects,
    path: "/projects/business/{business_id}/projects",
    rows: Rows::List { list: "projects", single: "project" },
    key: &["id"],
    columns: &[
        int("id", "The project"),
        text("title", "Title"),
        text("description", "Description"),
        int("client_id", "The client: clients.id"),
        int("project_manager_id", "Who manages it: team_members.identity_id"),
        int("group_id", "The group of people who work on it: project_groups.id").or("groupId"),
        int("retainer_id", "The retainer: retainers.id").unseen(),
        text("project_type", "fixed_price or hourly_rate"),
        text("billing_method", "How hours are priced"),
        text("billed_status", "unbilled, partial or billed"),
        decimal("rate", "Price of an hour, in the currency of the business"),
        decimal("budget", "Budget, in hours or money"),
        decimal("fixed_price", "Agreed price"),
        decimal("billed_amount", "What was billed"),
        decimal("expense_markup", "What is added to rebilled expenses, in percent"),
        int("logged_duration", "Seconds logged; only where asked for").unseen(),
        date("due_date", "When it is due"),
        flag("internal", "Whether it is for the business itself"),
        flag("active", "Whether it is active"),
        flag("complete", "Whether it is complete"),
        flag("sample", "Whether it is an example"),
        utc("created_at", "When it was made"),
        utc("updated_at", "When it last changed"),
    ],
    children: &[PROJECT_SERVICES, PROJECT_GROUPS, PROJECT_GROUP_MEMBERS],
    // Whole, though FreshBooks has a filter: a deleted project only shows by missing from a complete list.
    cursor: CursorRule::Whole,
    deleted: DeleteRule::Vanishes,
    scope: "user:projects:read",
    ..Table::MOST
};

const PROJECT_SERVICES: Child = Child {
    name: "project_services",
    doc: "One service that may be logged on a project.",
    source: "services",
    parent_key: "project_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Array,
    columns: &[
        int("id", "The service: services.id"),
        int("business", "The business; named so because business_id is the partition").from("business_id"),
        text("name", "Name"),
        flag("billable", "Whether its time may be billed"),
        int("vis_state", "0 active, 1 deleted, 2 archived"),
    ],
};

const PROJECT_GROUPS: Child = Child {
    name: "project_groups",
    doc: "The group of people who work on a project.",
    source: "group",
    parent_key: "project_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Object,
    columns: &[
        int("id", "The group"),
        json("pending_invitations", "People who have yet to accept an invitation"),
    ],
};

const PROJECT_GROUP_MEMBERS: Child = Child {
    name: "project_group_members",
    doc: "One person who works on a project.",
    source: "group.members",
    parent_key: "project_id",
    own_key: Some("id"),
    announced_by: None,
    form: Form::Array,
    columns: &[
        int("id", "The membership"),
        int("identity_id", "The person: team_members.identity_id"),
        text("role", "owner, business_manager, business_employee, client and others"),
        text("first_name", "First name"),
        text("last_name", "Last name"),
        text("email", "E-mail address"),
        text("company", "Company name"),
        flag("active", "Whether the membership is active"),
    ],
};
