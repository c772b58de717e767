use crate::declaration::{
    CursorRule, DeleteRule, Family, Rows, Table, decimal, eastern, flag, int, money, text,
};

pub(crate) const ITEMS: Table = Table {
    name: "items",
    doc: "A good that invoices may list.",
    family: Family::Accounting,
    path: "/accounting/account/{account_id}/items/items",
    rows: Rows::List { list: "items", single: "item" },
    key: &["id"],
    columns: &[
        int("id", "The item, within its account"),
        int("itemid", "The item under its older name"),
        text("accounting_systemid", "The account the item belongs to"),
        text("name", "Name"),
        text("description", "Description"),
        text("sku", "Stock-keeping number"),
        decimal("qty", "Quantity put on an invoice"),
        decimal("inventory", "Quantity in stock"),
        money("unit_cost", "Price of one"),
        int("tax1", "First tax: taxes.id; 0 for none"),
        int("tax2", "Second tax: taxes.id; 0 for none"),
        eastern("updated", "When it last changed"),
        int("vis_state", "0 active, 1 deleted, 2 archived"),
    ],
    // Listed for items, tasks, taxes, estimates and invoice profiles is a filter on `updated`, but nobody has seen it work
    // there, and filters that FreshBooks does not know are ignored in silence.
    cursor: CursorRule::UpdatedDay { updated: "updated", established: false },
    deleted: DeleteRule::VisState,
    scope: "user:billable_items:read",
    ..Table::MOST
};

pub(crate) const TAXES: Table = Table {
    name: "taxes",
    doc: "A tax that lines may carry.",
    family: Family::Accounting,
    path: "/accounting/account/{account_id}/taxes/taxes",
    rows: Rows::List { list: "taxes", single: "tax" },
    key: &["id"],
    columns: &[
        int("id", "The tax, within its account"),
        int("taxid", "The tax under its older name"),
        text("accounting_systemid", "The account the tax belongs to"),
        text("name", "Name"),
        text("number", "Registration number"),
        decimal("amount", "Percent"),
        flag("compound", "Whether it is taken on other taxes"),
        eastern("updated", "When it last changed"),
    ],
    cursor: CursorRule::Whole,
    deleted: DeleteRule::Vanishes,
    scope: "user:taxes:read",
    ..Table::MOST
};

pub(crate) const TASKS: Table = Table {
    name: "tasks",
    doc: "A kind of work that invoices may list; the accounting side of a service.",
    family: Family::Accounting,
    path: "/accounting/account/{account_id}/projects/tasks",
    rows: Rows::List { list: "tasks", single: "task" },
    columns: &[
        int("id", "The task, within its account").or("taskid"),
        int("taskid", "The task under its older name"),
        text("name", "Name"),
        text("tname", "Name under its older name"),
        text("description", "Description"),
        text("tdesc", "Description under its older name"),
        money("rate", "Price of an hour"),
        flag("billable", "Whether its time may be billed"),
        flag("project_default", "Whether new projects have it"),
        int("tax1", "First tax: taxes.id; 0 for none"),
        int("tax2", "Second tax: taxes.id; 0 for none"),
        eastern("updated", "When it last changed"),
        int("vis_state", "0 active, 1 deleted, 2 archived").or("visState"),
    ],
    cursor: CursorRule::UpdatedDay { updated: "updated", established: false },
    scope: "user:projects:read",
    ..Table::MOST
};
