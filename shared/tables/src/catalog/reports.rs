//! The reports: one row per line, with the parameters it was asked for and its place.

mod books;
mod profit;
mod sales;
mod spending;

pub(crate) use books::{BALANCE_SHEET, CHART_OF_ACCOUNTS, TRIAL_BALANCE, TRIAL_BALANCE_V2};
pub(crate) use profit::{PROFIT_AND_LOSS, PROFIT_AND_LOSS_V2};
pub(crate) use sales::{
    ACCOUNTS_AGING, INVOICE_DETAILS, ITEM_SALES, PAYMENTS_COLLECTED, REVENUE_BY_CLIENT, TAX_SUMMARY,
};
pub(crate) use spending::{ACCOUNT_STATEMENT, BANK_RECONCILIATION_SUMMARY, EXPENSE_DETAILS};

use crate::declaration::{Column, CursorRule, DeleteRule, Family, Table, date, flag, int, text};

/// What most reports have in common. A line that a restated period no longer has is marked as deleted; periods that a
/// run did not ask for are left alone.
const REPORT: Table = Table {
    family: Family::Report,
    secrets: &["download_token"],
    cursor: CursorRule::Months,
    deleted: DeleteRule::Vanishes,
    scope: "user:reports:read",
    ..Table::MOST
};

const START_DATE: Column = date("start_date", "First day of the period");
const END_DATE: Column = date("end_date", "Last day of the period");
const CURRENCY_CODE: Column = text("currency_code", "Currency of the report, ISO 4217");
const CASH_BASED: Column =
    flag("cash_based", "Whether money counts when it is paid rather than when it is invoiced");
const COMPANY_NAME: Column = text("company_name", "The business");
const LINE: Column =
    text("line", "The place of the line in the report: its section and position, level by level");
const DEPTH: Column = int("depth", "0 for a line of a section itself, 1 for a line below it, and so on");
const PATH: Column = text("path", "The descriptions from the section down to the line");
