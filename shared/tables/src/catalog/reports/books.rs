use super::{COMPANY_NAME, CURRENCY_CODE, DEPTH, END_DATE, LINE, PATH, REPORT, START_DATE};
use crate::declaration::{
    Confidence, Family, Layout, Period, Rows, Table, date, decimal, flag, int, json, money, text,
};

pub(crate) const BALANCE_SHEET: Table = Table {
    name: "report_balance_sheet",
    doc: "A kind of account, an account or a sub-account on a day, its balance below it; and totals.",
    path: "/accounting/account/{account_id}/reports/accounting/balance_sheet",
    rows: Rows::Report(Layout {
        key: Some("balance_sheet"),
        sections: &["data", "assets_total", "liabilities_and_equity_total"],
        below: &["accounts", "sub_accounts", "balances"],
        names: &[
            "account_type",
            "category",
            "account_name",
            "account_number",
            "sub_account_name",
            "sub_account_number",
        ],
        period: Period::Day("dates[]"),
        variants: &[],
    }),
    key: &["as_of", "currency_code", "line"],
    columns: &[
        date("as_of", "The day that was asked for").from("dates[]"),
        CURRENCY_CODE,
        COMPANY_NAME,
        text("section", "data, assets_total or liabilities_and_equity_total"),
        LINE,
        DEPTH,
        PATH,
        text("account_type", "asset, liability or equity"),
        text("category", "A part of that: current and others"),
        text("account_name", "The name of the ledger account"),
        text("account_number", "The number of the ledger account: journal_entry_accounts.account_number"),
        text("sub_account_name", "The name of the sub-account"),
        text("sub_account_number", "The number of the sub-account within its account"),
        date("date", "Of a balance: its day"),
        money("balance", "Of a balance: its amount"),
        json("dates", "The days in the report"),
    ],
    confidence: Confidence::Medium,
    ..REPORT
};

pub(crate) const TRIAL_BALANCE: Table = Table {
    name: "report_trial_balance",
    doc: "The debits and credits of an account of the ledger in a period.",
    path: "/accounting/account/{account_id}/reports/accounting/trial_balance",
    rows: Rows::Report(Layout {
        key: Some("trial_balance"),
        sections: &["data"],
        below: &[],
        names: &["account_name"],
        period: Period::Range,
        variants: &[],
    }),
    key: &["start_date", "end_date", "currency_code", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        COMPANY_NAME,
        text("section", "data"),
        LINE,
        DEPTH,
        PATH,
        text("account_name", "The name of the ledger account"),
        text("account_number", "The number of the ledger account: journal_entry_accounts.account_number"),
        int("sub_accountid", "The sub-account: journal_entry_sub_accounts.id"),
        text("account_sub_name", "The name of the sub-account"),
        text("account_sub_number", "The number of the sub-account within its account"),
        money("debit", "Its debits"),
        money("credit", "Its credits"),
    ],
    confidence: Confidence::Medium,
    ..REPORT
};

/// A newer edition of which no answer was published: it is taken to be laid out as the older one.
pub(crate) const TRIAL_BALANCE_V2: Table = Table {
    name: "report_trial_balance_v2",
    doc: "A line of the newer trial balance of a period.",
    family: Family::BusinessReport,
    path: "/accounting/businesses/{business_uuid}/reports/trial_balance",
    rows: Rows::Report(Layout {
        key: Some("trial_balance"),
        sections: &["data"],
        below: &["sub_accounts"],
        names: &["account_name"],
        period: Period::Range,
        variants: &[],
    }),
    key: &["start_date", "end_date", "currency_code", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        COMPANY_NAME.unseen(),
        text("section", "data"),
        LINE,
        DEPTH,
        PATH,
        text("account_name", "The name of the ledger account").unseen(),
        text("account_number", "The number of the ledger account").unseen(),
        text("account_uuid", "The ledger account: ledger_accounts.uuid").unseen(),
        money("debit", "Its debits").unseen(),
        money("credit", "Its credits").unseen(),
    ],
    confidence: Confidence::Low,
    ..REPORT
};

pub(crate) const CHART_OF_ACCOUNTS: Table = Table {
    name: "report_chart_of_accounts",
    doc: "An account of the ledger and what is on it at the end of a period, sub-accounts below it.",
    family: Family::BusinessReport,
    path: "/accounting/businesses/{business_uuid}/reports/chart_of_accounts",
    rows: Rows::Report(Layout {
        // Its list stands in the envelope itself.
        key: None,
        sections: &["journal_entry_accounts"],
        below: &["sub_accounts"],
        names: &["account_name"],
        period: Period::Range,
        variants: &[],
    }),
    // One answer has every currency.
    key: &["start_date", "end_date", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        text("section", "journal_entry_accounts"),
        LINE,
        DEPTH,
        PATH,
        text("account_uuid", "The ledger account: ledger_accounts.uuid"),
        text("parent_account_uuid", "The account above: ledger_accounts.uuid"),
        text("account_name", "Name"),
        text("account_number", "Number"),
        text("account_type", "asset, liability, equity, income or expense"),
        text("account_sub_type", "The kind within that: ledger_account_sub_types.name"),
        text("system_account_name", "What FreshBooks uses it for"),
        decimal("balance", "What is on it, in its currency"),
        text("currency_code", "The currency of the balance, ISO 4217; each account says its own"),
        flag("auto_created", "Whether FreshBooks made it"),
        text("state", "active, inactive or archived"),
    ],
    confidence: Confidence::Medium,
    ..REPORT
};
