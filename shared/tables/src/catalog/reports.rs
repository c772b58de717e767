use crate::declaration::{
    CursorRule, DeleteRule, Family, Layout, Period, Rows, Table, date, flag, int, json, money, text,
};

pub(crate) const PROFIT_AND_LOSS: Table = Table {
    name: "report_profitloss_entity",
    doc: "One line of the profit and loss report of a calendar year, as FreshBooks computes it.",
    family: Family::Report,
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
        date("start_date", "First day of the period"),
        date("end_date", "Last day of the period"),
        text("currency_code", "Currency of the report, ISO 4217"),
        flag("cash_based", "Whether money counts when it is paid rather than when it is invoiced"),
        text("company_name", "The business"),
        text("section", "income, total_income, gross_margin, expenses, total_expenses or net_profit"),
        text("line", "The place of the line in the report: its section and position, level by level"),
        int("depth", "0 for a line of a section itself, 1 for a line below it, and so on"),
        text("path", "The descriptions from the section down to the line"),
        text("description", "What the line is about"),
        text("entry_type", "credit, debit or none"),
        money("total", "The amount; its code is % for a margin"),
        json("data", "The amount per sub-period, where the report has them"),
        json("dates", "The sub-periods, where the report has them"),
        text("resolution", "The length of a sub-period"),
        json("labels", "Labels of the sub-periods"),
    ],
    secrets: &["download_token"],
    cursor: CursorRule::Months,
    deleted: DeleteRule::Never,
    scope: "user:reports:read",
    ..Table::MOST
};
