//! The lines that invoices, estimates and credit notes share, and the arithmetic over them.

use jiff::Timestamp;

use crate::book::Book;
use crate::dice::Dice;
use crate::money::{Currency, Money, Thousandths, share};
use crate::resources::Kind;
use crate::row::Row;
use crate::words;

/// One line, before it is written.
pub(super) struct Line {
    name: &'static str,
    description: &'static str,
    qty: i64,
    unit_cost: Money,
    pub(super) amount: Money,
    tax: Option<(&'static str, i64)>,
    dice: Dice,
}

/// What a document comes to.
pub(super) struct Totals {
    /// In thousandths of a percent.
    pub(super) discount_percent: i64,
    /// Zero or negative.
    pub(super) discount: Money,
    pub(super) amount: Money,
}

/// The one to six lines of a document, priced in `currency`.
pub(super) fn lines(dice: Dice, currency: Currency) -> Vec<Line> {
    (0..=dice.below("lines", 6)).map(|n| line(dice.part("line", n), currency)).collect()
}

fn line(dice: Dice, currency: Currency) -> Line {
    let (name, description) = dice.pick("good", words::GOODS);
    // quarters of a unit, now and then many
    let qty = match dice.below("qty kind", 8) {
        0 => dice.between("qty", 1, 15) * 250,
        1 => dice.between("qty", 20, 400) * 1000,
        _ => dice.between("qty", 1, 8) * 1000,
    };
    let cents = match dice.below("price kind", 12) {
        0 => 0,
        1 => dice.between("price", 1, 99),
        _ => dice.between("price", 4, 600) * 125,
    };
    let unit_cost = currency.price(cents);
    let amount = Money { minor: share(unit_cost.minor, qty), currency };
    let tax = (!dice.one_in("untaxed", 3)).then(|| dice.pick("tax", words::TAXES));
    Line { name, description, qty, unit_cost, amount, tax, dice }
}

/// Lines, less discount, plus tax on each line.
pub(super) fn totals(dice: Dice, currency: Currency, lines: &[Line]) -> Totals {
    let net: i64 = lines.iter().map(|line| line.amount.minor).sum();
    let discount_percent =
        if dice.one_in("discount", 6) { dice.between("discount percent", 1, 30) * 500 } else { 0 };
    let discount = -share(net, discount_percent / 100);
    let kept = 100_000 - discount_percent;
    let tax: i64 = lines
        .iter()
        .filter_map(|line| {
            line.tax.map(|(_, percent)| share(share(line.amount.minor, kept / 100), percent / 100))
        })
        .sum();
    let amount = net + discount + tax;
    Totals {
        discount_percent,
        discount: Money { minor: discount, currency },
        amount: Money { minor: amount, currency },
    }
}

/// Writes a line of an invoice.
pub(super) fn write_invoice_line(
    book: &Book,
    invoiceid: i64,
    written: Timestamp,
    (n, line): (i64, &Line),
    row: &mut Row<'_>,
) {
    row.money("amount", line.amount);
    row.value("basecampid", 0);
    row.value("compounded_tax", false);
    row.null("date");
    row.value("description", line.description);
    let expense = line.dice.one_in("expense", 25);
    row.value("expenseid", if expense { book.any(Kind::Expenses, line.dice, "expense id") } else { 0 });
    row.value("invoiceid", invoiceid);
    row.value("lineid", n);
    let project = line.dice.one_in("project", 15);
    row.value("modern_project_id", project.then(|| book.any(Kind::Projects, line.dice, "project id")));
    row.value("modern_time_entries", [0; 0]);
    row.value("name", line.name);
    row.plain("qty", Thousandths(line.qty));
    row.nulls(&["retainer_id", "retainer_period_id"]);
    row.value("taskno", n);
    write_taxes(line, row);
    row.value("taxNumber1", line.tax.and_then(|(name, _)| (name == "HST").then_some("RT 1234")));
    row.null("taxNumber2");
    row.value("type", 0);
    row.money("unit_cost", line.unit_cost);
    row.eastern("updated", written);
}

/// Writes a line of a recurring profile.
///
/// [?] No source shows one: it is expected to be as on the invoices that the profile makes.
pub(super) fn write_profile_line(
    profileid: i64,
    written: Timestamp,
    (n, line): (i64, &Line),
    row: &mut Row<'_>,
) {
    row.money("amount", line.amount);
    row.value("compounded_tax", false);
    row.value("description", line.description);
    row.value("lineid", n);
    row.value("name", line.name);
    row.value("profileid", profileid);
    row.plain("qty", Thousandths(line.qty));
    row.value("taskno", n);
    write_taxes(line, row);
    row.value("type", 0);
    row.money("unit_cost", line.unit_cost);
    row.eastern("updated", written);
}

/// Writes a line of an estimate.
pub(super) fn write_estimate_line(estimateid: i64, (n, line): (i64, &Line), row: &mut Row<'_>) {
    row.money("amount", line.amount);
    row.value("description", line.description);
    row.value("estimateid", estimateid);
    row.value("lineid", n);
    row.value("name", line.name);
    row.plain("qty", Thousandths(line.qty));
    write_taxes(line, row);
    row.value("type", 0);
    row.money("unit_cost", line.unit_cost);
}

/// Writes a line of a credit note.
pub(super) fn write_credit_line(creditid: i64, (n, line): (i64, &Line), row: &mut Row<'_>) {
    row.money("amount", line.amount);
    row.value("compounded_tax", false);
    row.value("creditid", creditid);
    row.value("description", line.description);
    row.value("lineid", n);
    row.value("name", line.name);
    row.plain("qty", Thousandths(line.qty));
    row.value("taskno", n);
    write_taxes(line, row);
    row.money("unit_cost", line.unit_cost);
}

fn write_taxes(line: &Line, row: &mut Row<'_>) {
    // FreshBooks writes an untaxed line as "0" with an empty name or with null
    if let Some((name, percent)) = line.tax {
        row.plain("taxAmount1", Thousandths(percent));
        row.plain("taxAmount2", 0);
        row.value("taxName1", name);
        row.null("taxName2");
    } else {
        row.plain("taxAmount1", 0);
        row.plain("taxAmount2", 0);
        row.blanks(&["taxName1", "taxName2"]);
    }
}

/// Lines with their numbers, which start at 1 in each document.
pub(super) fn numbered(lines: &[Line]) -> impl Iterator<Item = (i64, &Line)> {
    (1..).zip(lines)
}
