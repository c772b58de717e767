//! Reports of which no answer was ever published. Their sections are taken from what other clients of the API read; what
//! they have besides is in `_extra`, and a report without the section is one line of its own keys.

use super::{COMPANY_NAME, CURRENCY_CODE, DEPTH, END_DATE, LINE, PATH, REPORT, START_DATE};
use crate::declaration::{Confidence, Layout, Period, Rows, Table, date, int, json, money, text};

pub(crate) const EXPENSE_DETAILS: Table = Table {
    name: "report_expense_details",
    doc: "An expense of a period, below the category or whatever the report groups by.",
    path: "/accounting/account/{account_id}/reports/accounting/expense_details",
    rows: Rows::Report(Layout {
        key: Some("expense_details"),
        sections: &["data", "total", "total_tax"],
        below: &["expenses"],
        names: &["category", "categoryid"],
        period: Period::Range,
        variants: &[],
    }),
    key: &["start_date", "end_date", "currency_code", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        COMPANY_NAME.unseen(),
        text("section", "data, total or total_tax"),
        LINE,
        DEPTH,
        PATH,
        text("group_by", "What the report groups by").unseen(),
        int("categoryid", "The category: expense_categories.id").unseen(),
        text("category", "The category in words").unseen(),
        int("expenseid", "The expense: expenses.id").unseen(),
        date("date", "When the money was spent").unseen(),
        text("vendor", "Who was paid").unseen(),
        int("clientid", "The client whom it is for: clients.id; 0 for none").unseen(),
        text("description", "Description").unseen(),
        text("notes", "Notes").unseen(),
        money("amount", "What was spent; of the lines total and total_tax: what they come to").unseen(),
        money("tax", "The tax in what was spent").unseen(),
        money("total", "Of a line of a group: what was spent in it").unseen(),
        money("total_tax", "Of a line of a group: the tax in that").unseen(),
    ],
    confidence: Confidence::Low,
    ..REPORT
};

pub(crate) const ACCOUNT_STATEMENT: Table = Table {
    name: "report_account_statement",
    doc: "A line of the statement of what clients owe and paid in a period.",
    path: "/accounting/account/{account_id}/reports/accounting/account_statement",
    rows: Rows::Report(Layout {
        key: Some("account_statement"),
        sections: &["data"],
        below: &[],
        names: &["description"],
        period: Period::Range,
        variants: &[],
    }),
    key: &["start_date", "end_date", "currency_code", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        text("section", "data"),
        LINE,
        DEPTH,
        PATH,
        int("clientid", "The client: clients.id").unseen(),
        date("date", "The day of the line").unseen(),
        text("description", "What the line is about").unseen(),
        money("amount", "The amount").unseen(),
        money("balance", "What is owed after it").unseen(),
    ],
    // Asked for one client, it seems.
    on_request: true,
    confidence: Confidence::Low,
    ..REPORT
};

pub(crate) const BANK_RECONCILIATION_SUMMARY: Table = Table {
    name: "report_bank_reconciliation_summary",
    doc: "How the books and a bank account compare on a day.",
    path: "/accounting/account/{account_id}/reports/accounting/bank_reconciliation_summary",
    rows: Rows::Report(Layout {
        key: Some("bank_reconciliation_summary"),
        sections: &["data"],
        below: &[],
        names: &["description"],
        period: Period::Day("date"),
        variants: &[],
    }),
    key: &["date", "currency_code", "line"],
    columns: &[
        date("date", "The day"),
        CURRENCY_CODE,
        text("section", "data"),
        LINE,
        DEPTH,
        PATH,
        text("description", "What the line is about").unseen(),
        money("balance", "The balance").unseen(),
        json("transactions", "Transactions that only one side has").unseen(),
    ],
    // Asked for one bank account, it seems.
    on_request: true,
    confidence: Confidence::Low,
    ..REPORT
};
