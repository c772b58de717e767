use super::{CASH_BASED, COMPANY_NAME, CURRENCY_CODE, DEPTH, END_DATE, LINE, PATH, REPORT, START_DATE};
use crate::declaration::{Confidence, Family, Layout, Period, Rows, Table, json, money, text};

pub(crate) const PROFIT_AND_LOSS: Table = Table {
    name: "report_profitloss_entity",
    doc: "One line of the profit and loss report of a period, as FreshBooks computes it.",
    path: "/accounting/account/{account_id}/reports/accounting/profitloss_entity",
    rows: Rows::Report(Layout {
        // The path says profitloss_entity, the answer profitloss.
        key: Some("profitloss"),
        sections: &["income", "total_income", "gross_margin", "expenses", "total_expenses", "net_profit"],
        below: &["children"],
        names: &["description"],
        period: Period::Range,
        variants: &[&[("cash_based", "false")], &[("cash_based", "true")]],
    }),
    key: &["start_date", "end_date", "currency_code", "cash_based", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        CASH_BASED,
        COMPANY_NAME,
        text("section", "income, total_income, gross_margin, expenses, total_expenses or net_profit"),
        LINE,
        DEPTH,
        PATH,
        text("description", "What the line is about"),
        text("entry_type", "credit, debit or none"),
        money("total", "The amount; its code is % for a margin"),
        json("data", "The amount per sub-period, where the report has them"),
        json("dates", "The sub-periods, where the report has them"),
        text("resolution", "The length of a sub-period"),
        json("labels", "Labels of the sub-periods"),
    ],
    ..REPORT
};

/// A newer edition of which no answer was published: it is taken to be laid out as the older one.
pub(crate) const PROFIT_AND_LOSS_V2: Table = Table {
    name: "report_profit_and_loss_v2",
    doc: "One line of the newer profit and loss report of a period.",
    family: Family::BusinessReport,
    path: "/accounting/businesses/{business_uuid}/reports/profit_and_loss",
    rows: Rows::Report(Layout {
        key: Some("profit_and_loss"),
        sections: &["income", "total_income", "gross_margin", "expenses", "total_expenses", "net_profit"],
        below: &["children"],
        names: &["description"],
        period: Period::Range,
        variants: &[],
    }),
    key: &["start_date", "end_date", "currency_code", "line"],
    columns: &[
        START_DATE,
        END_DATE,
        CURRENCY_CODE,
        COMPANY_NAME.unseen(),
        CASH_BASED.unseen(),
        text("section", "income, total_income, gross_margin, expenses, total_expenses or net_profit"),
        LINE,
        DEPTH,
        PATH,
        text("description", "What the line is about").unseen(),
        text("entry_type", "credit, debit or none").unseen(),
        money("total", "The amount").unseen(),
        json("data", "The amount per sub-period, where the report has them").unseen(),
        text("resolution", "The length of a sub-period").unseen(),
        json("labels", "Labels of the sub-periods").unseen(),
    ],
    confidence: Confidence::Low,
    ..REPORT
};
