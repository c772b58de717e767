//! Documents as the books of account see them: read from the very rows that the lists show, so that a report
//! and the ledger add up from these rows, changes included.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;
use model::time::parse_date;
use serde_json::{Map, Value};

use crate::book::{Book, State};
use crate::changes::{Business, row_with_lines};
use crate::filter::text_of;
use crate::resources::{Kind, expenses};

/// The largest scale at which reports look at every row; beyond it they look at every n-th.
pub(crate) const MOST_SUMMED: u64 = 5_000;

/// The kinds of documents that are posted.
pub(crate) const POSTED: [Kind; 8] = [
    Kind::JournalEntries,
    Kind::Invoices,
    Kind::Payments,
    Kind::CreditNotes,
    Kind::Expenses,
    Kind::OtherIncome,
    Kind::Bills,
    Kind::BillPayments,
];

/// A document. Amounts are in the smallest unit of its currency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paper {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
    pub(crate) date: Date,
    pub(crate) due: Option<Date>,
    pub(crate) code: String,
    pub(crate) amount: i128,
    pub(crate) paid: i128,
    pub(crate) taxes: Vec<Levy>,
    /// The number of the client or the vendor; 0 if there is none.
    pub(crate) party: i64,
    /// The document that is paid; 0 if there is none.
    pub(crate) pays: i64,
    pub(crate) number: String,
    pub(crate) text: String,
    pub(crate) status: String,
    pub(crate) method: String,
    /// The place of an expense's category in the word list.
    pub(crate) category: Option<usize>,
    pub(crate) lines: Vec<Line>,
    /// Sub-accounts and debits, of an entry made by hand; a credit is negative.
    pub(crate) moves: Vec<(usize, i128)>,
    /// First name, last name, organization, email.
    pub(crate) person: [String; 4],
}

/// One tax of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Levy {
    pub(crate) name: String,
    pub(crate) amount: i128,
    /// What it is levied on.
    pub(crate) base: i128,
}

/// One line of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// In thousandths.
    pub(crate) qty: i128,
    pub(crate) unit_cost: i128,
    pub(crate) amount: i128,
    /// Zero or negative.
    pub(crate) discount: i128,
}

/// Places behind the point of a currency.
pub(crate) fn places(code: &str) -> u8 {
    if code == "JPY" { 0 } else { 2 }
}

/// `amount * thousandths / 1000`, halves away from zero.
pub(crate) fn share(amount: i128, thousandths: i128) -> i128 {
    let product = amount * thousandths;
    (product + if product < 0 { -500 } else { 500 }) / 1000
}

impl Paper {
    /// Reads a row; `None` if it lacks what a document needs.
    pub(crate) fn read(kind: Kind, row: &Map<String, Value>) -> Option<Self> {
        let text = |key: &str| text_of(row, key);
        let number = |key: &str| row.get(key).and_then(Value::as_i64).unwrap_or(0);
        let (date, id, party, pays) = match kind {
            Kind::Invoices => ("create_date", "id", "customerid", ""),
            Kind::CreditNotes => ("create_date", "id", "clientid", ""),
            Kind::Payments => ("date", "id", "clientid", "invoiceid"),
            Kind::Expenses => ("date", "id", "clientid", ""),
            Kind::OtherIncome => ("date", "incomeid", "", ""),
            Kind::Bills => ("issue_date", "id", "vendorid", ""),
            Kind::BillPayments => ("paid_date", "id", "", "billid"),
            Kind::JournalEntries => ("user_entered_date", "id", "", ""),
            _ => return None,
        };
        let code = match kind {
            Kind::JournalEntries => text("currency_code"),
            _ => text("amount.code"),
        };
        let minor = |text: &str| model::decimal::parse(text, places(&code)).ok();
        let amount = match kind {
            Kind::JournalEntries => 0,
            _ => minor(&text("amount"))?,
        };
        let mut paper = Self {
            kind,
            id: number(id),
            date: parse_date(&text(date)).ok()?,
            due: parse_date(&text("due_date")).ok(),
            amount,
            paid: minor(&text("paid")).unwrap_or(0),
            taxes: Vec::new(),
            party: number(party),
            pays: number(pays),
            number: ["invoice_number", "credit_number", "bill_number"]
                .map(text)
                .into_iter()
                .find(|number| !number.is_empty())
                .unwrap_or_default(),
            text: ["notes", "note", "description", "overall_description"]
                .map(text)
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
            status: if kind == Kind::Invoices { text("v3_status") } else { text("status") },
            method: if kind == Kind::Payments { text("type") } else { text("payment_type") },
            category: expenses::category_of_id(number("categoryid")),
            lines: Vec::new(),
            moves: Vec::new(),
            person: ["fname", "lname", "organization", "email"].map(text),
            code: code.clone(),
        };
        if kind == Kind::Expenses {
            paper.person[2] = text("vendor");
        }
        paper.read_lines(row);
        paper.read_taxes(row);
        Some(paper)
    }

    /// The sum of all taxes.
    pub(crate) fn tax(&self) -> i128 {
        self.taxes.iter().map(|levy| levy.amount).sum()
    }

    /// What is still to be paid.
    pub(crate) fn open(&self) -> i128 {
        self.amount - self.paid
    }

    fn minor(&self, value: Option<&Value>) -> i128 {
        let text = match value {
            Some(Value::Object(money)) => money.get("amount").and_then(Value::as_str).unwrap_or("0"),
            Some(Value::String(text)) => text,
            _ => "0",
        };
        model::decimal::parse(text, places(&self.code)).unwrap_or(0)
    }

    fn read_lines(&mut self, row: &Map<String, Value>) {
        if self.kind == Kind::JournalEntries {
            for detail in row.get("details").and_then(Value::as_array).into_iter().flatten() {
                let account = detail.get("sub_accountid").and_then(Value::as_i64).unwrap_or(0);
                if let Some(sub) = crate::chart::of_sub_account_id(account) {
                    self.moves
                        .push((sub, self.minor(detail.get("debit")) - self.minor(detail.get("credit"))));
                }
            }
            return;
        }
        if !matches!(self.kind, Kind::Invoices | Kind::CreditNotes) {
            return;
        }
        let off = thousandths(row.get("discount_value")) / 100;
        for line in row.get("lines").and_then(Value::as_array).into_iter().flatten() {
            let amount = self.minor(line.get("amount"));
            self.lines.push(Line {
                name: line.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                qty: thousandths(line.get("qty")),
                unit_cost: self.minor(line.get("unit_cost")),
                amount,
                discount: -share(amount, off),
            });
        }
    }

    fn read_taxes(&mut self, row: &Map<String, Value>) {
        match self.kind {
            Kind::Invoices | Kind::CreditNotes => self.taxes_of_lines(row),
            Kind::Expenses => {
                for (amount, name) in [("taxAmount1", "taxName1"), ("taxAmount2", "taxName2")] {
                    if let Some(Value::String(name)) = row.get(name).filter(|_| row.contains_key(amount)) {
                        let amount = self.minor(row.get(amount));
                        self.taxes.push(Levy { name: name.clone(), amount, base: 0 });
                    }
                }
                let net = self.amount - self.tax();
                self.taxes.iter_mut().for_each(|levy| levy.base = net);
            }
            Kind::OtherIncome => {
                let rates: Vec<(String, i128)> = row
                    .get("taxes")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(|tax| {
                        let name = tax.get("name").and_then(Value::as_str).unwrap_or_default();
                        (name.to_owned(), thousandths(tax.get("amount")))
                    })
                    .collect();
                // the amount holds its taxes
                let all: i128 = 100_000 + rates.iter().map(|(_, rate)| rate).sum::<i128>();
                let net = (self.amount * 100_000 + all / 2) / all.max(1);
                self.taxes = rates
                    .into_iter()
                    .map(|(name, rate)| Levy { name, amount: share(net, rate) / 100, base: net })
                    .collect();
            }
            _ => {}
        }
    }

    /// The taxes on lines, less the discount; none if they do not lead to the amount: a row that was changed may
    /// have lines of its former self.
    fn taxes_of_lines(&mut self, row: &Map<String, Value>) {
        // a credit note does not show its discount: it follows from the sum
        let off = match row.get("discount_value") {
            Some(value) => vec![thousandths(Some(value))],
            None => (0..=60).map(|half| half * 500).collect(),
        };
        for off in off {
            let mut taxes: Vec<Levy> = Vec::new();
            for line in row.get("lines").and_then(Value::as_array).into_iter().flatten() {
                let base = share(self.minor(line.get("amount")), (100_000 - off) / 100);
                for (name, rate) in [("taxName1", "taxAmount1"), ("taxName2", "taxAmount2")] {
                    let name = line.get(name).and_then(Value::as_str).unwrap_or_default();
                    if name.is_empty() {
                        continue;
                    }
                    let amount = share(base, thousandths(line.get(rate)) / 100);
                    match taxes.iter_mut().find(|levy| levy.name == name) {
                        Some(levy) => (levy.amount, levy.base) = (levy.amount + amount, levy.base + base),
                        None => taxes.push(Levy { name: name.to_owned(), amount, base }),
                    }
                }
            }
            let net: i128 = self.lines.iter().map(|line| line.amount).sum();
            let tax: i128 = taxes.iter().map(|levy| levy.amount).sum();
            if net - share(net, off / 100) + tax == self.amount {
                self.taxes = taxes;
                self.lines.iter_mut().for_each(|line| line.discount = -share(line.amount, off / 100));
                return;
            }
        }
    }
}

/// A decimal in thousandths, as text or as a number.
fn thousandths(value: Option<&Value>) -> i128 {
    match value {
        Some(Value::String(text)) => model::decimal::parse(text, 3).unwrap_or(0),
        Some(Value::Number(number)) => i128::from(number.as_i64().unwrap_or(0)) * 1000,
        _ => 0,
    }
}

/// The documents of the generated rows, but for the deleted ones.
#[derive(Debug)]
pub(crate) struct Papers(BTreeMap<Kind, Vec<(u64, Paper)>>);

impl Papers {
    fn new(book: &Book) -> Self {
        let step = usize::try_from(book.scale.div_ceil(MOST_SUMMED)).unwrap_or(1).max(1);
        let of_kind = |kind: Kind| {
            let live = |index: &u64| {
                book.has(kind, *index) && Book::state(kind.declaration(), *index) != State::Deleted
            };
            let read = |index: u64| Some((index, Paper::read(kind, &row_with_lines(book, kind, index))?));
            (kind, (0..book.count(kind)).step_by(step).filter(live).filter_map(read).collect())
        };
        Self(POSTED.into_iter().map(of_kind).collect())
    }
}

/// The documents of one kind as they are now, deleted ones left out, by date.
pub(crate) fn of(business: &Business, kind: Kind) -> Vec<Cow<'_, Paper>> {
    let generated = &business.papers.get_or_init(|| Papers::new(&business.book)).0;
    let untouched = generated.get(&kind).into_iter().flatten();
    let untouched = untouched.filter(|(index, _)| business.change_of(kind, *index).is_none());
    let changed = business.changed(kind).filter(|(_, change)| !change.gone && change.state != State::Deleted);
    let mut papers: Vec<Cow<'_, Paper>> = untouched
        .map(|(_, paper)| Cow::Borrowed(paper))
        .chain(changed.filter_map(|(_, change)| Some(Cow::Owned(Paper::read(kind, &change.row)?))))
        .collect();
    papers.sort_by_key(|paper| (paper.date, paper.id));
    papers
}

/// The same by number.
pub(crate) fn by_id(business: &Business, kind: Kind) -> BTreeMap<i64, Cow<'_, Paper>> {
    of(business, kind).into_iter().map(|paper| (paper.id, paper)).collect()
}

/// Whether there is such a row and it is not deleted.
pub(crate) fn is_live(business: &Business, kind: Kind, id: i64) -> bool {
    business.find(kind, id).is_some_and(|index| match business.change_of(kind, index) {
        Some(change) => change.state != State::Deleted,
        None => Book::state(kind.declaration(), index) != State::Deleted,
    })
}

/// First name, last name, organization and email of a client, as they are now.
pub(crate) fn client(business: &Business, id: i64) -> [String; 4] {
    let Some(index) = business.find(Kind::Clients, id) else { return Default::default() };
    if let Some(change) = business.change_of(Kind::Clients, index) {
        return ["fname", "lname", "organization", "email"].map(|key| text_of(&change.row, key));
    }
    let person = business.book.person(index);
    [person.first.to_owned(), person.last.to_owned(), person.organization, person.email]
}
