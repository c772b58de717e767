use crate::declaration::{
    Child, DeleteRule, Family, Form, Rows, Table, date, decimal, eastern, flag, int, json, money, text, utc,
};

pub(crate) const JOURNAL_ENTRY_DETAILS: Table = Table {
    name: "journal_entry_details",
    doc: "One line of the ledger: what a transaction does to one account.",
    family: Family::Accounting,
    path: "/accounting/account/{account_id}/journal_entries/journal_entry_details",
    rows: Rows::List { list: "journal_entry_details", single: "journal_entry_detail" },
    columns: &[
        int("id", "The line, within the account").or("detailid"),
        int("detailid", "The line under its older name"),
        text("accounting_systemid", "The account the line belongs to"),
        date("user_entered_date", "The day it counts for"),
        text("detail_type", "What made it: expense, invoice, payment and others"),
        text("name", "What made it, in words"),
        text("description", "Description"),
        money("debit", "The debit, where it is one"),
        money("credit", "The credit, where it is one"),
        money("balance", "The balance that FreshBooks gives with the line"),
        int("ledger_account_id", "The ledger account: journal_entry_accounts.id").from("account.id"),
        int("ledger_accountid", "The ledger account under its older name").from("account.accountid"),
        text("ledger_account_systemid", "The account it belongs to").from("account.accounting_systemid"),
        text("account_name", "The name of the ledger account").from("account.account_name"),
        text("account_number", "The number of the ledger account").from("account.account_number"),
        text("account_type", "asset, liability, equity, income or expense").from("account.account_type"),
        int("sub_account_id", "The sub-account: journal_entry_sub_accounts.id").from("sub_account.id"),
        int("sub_accountid", "The sub-account under its older name").from("sub_account.sub_accountid"),
        int("sub_account_parentid", "The account above: journal_entry_accounts.id")
            .from("sub_account.parentid"),
        text("sub_account_systemid", "The account it belongs to").from("sub_account.accounting_systemid"),
        text("account_sub_name", "The name of the sub-account").from("sub_account.account_sub_name"),
        text("account_sub_number", "The number of the sub-account").from("sub_account.account_sub_number"),
        int("entry_id", "The transaction").from("entry.id"),
        int("entryid", "The transaction under its older name").from("entry.entryid"),
        text("entry_systemid", "The account it belongs to").from("entry.accounting_systemid"),
        int("categoryid", "The category: expense_categories.id").from("entry.categoryid").unseen(),
        int("clientid", "The client: clients.id").from("entry.clientid"),
        int("creditid", "The credit note: credit_notes.id").from("entry.creditid").unseen(),
        int("expenseid", "The expense: expenses.id").from("entry.expenseid"),
        int("incomeid", "The income: other_income.incomeid").from("entry.incomeid").unseen(),
        int("invoiceid", "The invoice: invoices.id").from("entry.invoiceid"),
        int("paymentid", "The payment: payments.id").from("entry.paymentid").unseen(),
    ],
    // Nothing tells when a line changed, and lines of past days change: everything is read, each time.
    deleted: DeleteRule::Vanishes,
    scope: "user:journal_entries:read",
    ..Table::MOST
};

pub(crate) const JOURNAL_ENTRY_ACCOUNTS: Table = Table {
    name: "journal_entry_accounts",
    doc: "An account of the ledger and what is on it.",
    family: Family::Accounting,
    path: "/accounting/account/{account_id}/journal_entry_accounts/journal_entry_accounts",
    rows: Rows::List { list: "journal_entry_accounts", single: "journal_entry_account" },
    columns: &[
        int("id", "The ledger account, within the account").or("accountid"),
        int("accountid", "The ledger account under its older name"),
        text("account_name", "Name"),
        text("account_number", "Number"),
        text("account_type", "asset, liability, equity, income or expense"),
        decimal("balance", "What is on it, in its currency"),
        text("currency_code", "Currency, ISO 4217"),
        eastern("created_at", "When it was made"),
    ],
    children: &[Child {
        name: "journal_entry_sub_accounts",
        doc: "A part of an account of the ledger.",
        source: "sub_accounts",
        // Under its older name a sub-account names its account `parentid`, too.
        parent_key: "accountid",
        own_key: Some("id"),
        announced_by: None,
        form: Form::Array,
        columns: &[
            int("id", "The sub-account").or("sub_accountid"),
            int("sub_accountid", "The sub-account under its older name"),
            int("parentid", "The account above: journal_entry_accounts.id"),
            text("account_sub_name", "Name"),
            text("account_sub_number", "Number within its account"),
            text("account_type", "asset, liability, equity, income or expense"),
            decimal("balance", "What is on it, in its currency"),
            text("currency_code", "Currency, ISO 4217"),
            flag("custom", "Whether the business made it"),
            flag("transaction_posted", "Whether it was used"),
            eastern("created_at", "When it was made"),
        ],
    }],
    deleted: DeleteRule::Vanishes,
    scope: "user:journal_entries:read",
    ..Table::MOST
};

pub(crate) const LEDGER_ACCOUNTS: Table = Table {
    name: "ledger_accounts",
    doc: "An account of the chart of accounts, sub-accounts too.",
    family: Family::Ledger,
    path: "/accounting/businesses/{business_uuid}/ledger_accounts/accounts",
    rows: Rows::Whole("data"),
    key: &["uuid"],
    columns: &[
        text("uuid", "The ledger account"),
        text("name", "Name"),
        text("number", "Number"),
        text("description", "Description"),
        text("type", "The kind of account: ledger_account_types.name"),
        text("sub_type", "The kind within that: ledger_account_sub_types.name"),
        text("system_account_name", "What FreshBooks uses it for"),
        text("parent_account", "The account above: ledger_accounts.uuid"),
        // A list, but it says no more than parent_account of the accounts it names.
        json("sub_accounts", "The accounts below, as UUIDs"),
        int("jea_id", "The same account in the older ledger: journal_entry_accounts.id"),
        int("jesa_id", "The same account in the older ledger: journal_entry_sub_accounts.id"),
        int("category_id", "The category of its expenses: expense_categories.id").unseen(),
        flag("auto_created", "Whether FreshBooks made it"),
        text("state", "active, inactive or archived"),
        utc("updated_at", "When it last changed"),
    ],
    deleted: DeleteRule::Vanishes,
    scope: "user:journal_entries:read",
    ..Table::MOST
};

pub(crate) const LEDGER_ACCOUNT_TYPES: Table = Table {
    name: "ledger_account_types",
    doc: "A kind of account; the same for every business, kept with the one that asked.",
    family: Family::Ledger,
    path: "/accounting/ledger_accounts/types",
    rows: Rows::Whole("data"),
    key: &["name"],
    columns: &[text("name", "asset, liability, equity, income or expense")],
    deleted: DeleteRule::Vanishes,
    // Which scope it needs, if any, is not documented: taken to be that of the accounts.
    scope: "user:journal_entries:read",
    ..Table::MOST
};

pub(crate) const LEDGER_ACCOUNT_SUB_TYPES: Table = Table {
    name: "ledger_account_sub_types",
    doc: "A kind of account within another; the same for every business, kept with the one that asked.",
    family: Family::Ledger,
    path: "/accounting/ledger_accounts/sub_types",
    rows: Rows::Whole("data"),
    columns: &[
        int("id", "The kind"),
        text("type", "The wider kind: ledger_account_types.name"),
        text("name", "Name"),
        text("base_number", "The number at which its accounts begin"),
    ],
    deleted: DeleteRule::Vanishes,
    scope: "user:journal_entries:read",
    ..Table::MOST
};
