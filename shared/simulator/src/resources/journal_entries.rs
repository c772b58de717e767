//! Journal entries made by hand: created here, read through their details and in the newer list.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::{Declaration, Kind, Lifecycle, Sheet, USUAL, Verbs};
use crate::book::Book;
use crate::chart;
use crate::moment;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::JournalEntries,
    name: "journal_entries",
    list_path: "journal_entries/journal_entries",
    single_path: "journal_entries/journal_entries",
    list_key: "journal_entries",
    single_key: "journal_entry",
    id_keys: &["id", "entryid"],
    scope: "journal_entries",
    first_id: 941_301,
    lifecycle: Lifecycle::Hard,
    required: &["name", "details"],
    count: (3, 2, 200),
    verbs: Verbs::Create,
    write,
    ..USUAL
};

/// What an entry moves, from the second account to the first.
const MOVES: &[(usize, usize, &str)] = &[
    (chart::FURNITURE, chart::BANK, "Desk and shelves"),
    (chart::BANK, chart::CAPITAL, "Paid in by the owner"),
    (chart::CASH, chart::BANK, "Petty cash"),
];

fn date(book: &Book, index: u64) -> Date {
    moment::eastern(book.updated(Kind::JournalEntries, index)).date()
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::JournalEntries, index);
    let (debit, credit, description) = dice.pick("move", MOVES);
    let amount = Money { minor: dice.between("amount", 20, 2_000) * 100, currency: book.home };
    let date = date(book, index);
    row.plain("currency_code", book.home.code());
    row.value("description", description);
    row.list("details", [(1, debit), (2, credit)], |(n, account), row| {
        row.null("categoryid");
        row.value("credit", (n == 2).then(|| amount.to_string()));
        row.plain("currency_code", book.home.code());
        row.value("debit", (n == 1).then(|| amount.to_string()));
        row.value("description", description);
        row.value("detailid", id * 10 + n);
        row.value("id", id * 10 + n);
        row.value("name", "JournalEntry");
        row.value("sub_accountid", chart::sub_account_id(account));
        row.date("user_entered_date", date);
    });
    row.value("entryid", id);
    row.value("id", id);
    row.value("name", "JournalEntry");
    row.date("user_entered_date", date);
}

/// Refuses what does not balance or goes to no account.
pub(crate) fn check(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let mut sum = 0;
    for detail in fields.get("details").and_then(Value::as_array).into_iter().flatten() {
        let side = |key: &str| {
            let text = detail.get(key).and_then(Value::as_str).unwrap_or("0");
            model::decimal::parse(text, 2).map_err(|_| Refusal::filter(1015, key, text))
        };
        sum += side("debit")? - side("credit")?;
        let account = detail.get("sub_accountid").and_then(Value::as_i64).unwrap_or(0);
        if chart::of_sub_account_id(account).is_none() {
            return Err(Refusal::filter(1012, "sub_accountid", &account.to_string()));
        }
    }
    if sum == 0 { Ok(()) } else { Err(Refusal::filter(1004, "details", "unbalanced")) }
}

/// The fields as posted, with everything that the entry's lines get from it.
pub(crate) fn completed(mut fields: Map<String, Value>, id: i64) -> Map<String, Value> {
    let shared: Vec<(&str, Value)> = ["currency_code", "description", "name", "user_entered_date"]
        .into_iter()
        .filter_map(|key| Some((key, fields.get(key)?.clone())))
        .collect();
    let details = fields.get_mut("details").and_then(Value::as_array_mut);
    for (n, detail) in (1..).zip(details.into_iter().flatten()) {
        let Some(detail) = detail.as_object_mut() else { continue };
        for key in ["debit", "credit"] {
            detail.entry(key).or_insert(Value::Null);
        }
        for (key, value) in &shared {
            detail.entry(*key).or_insert_with(|| value.clone());
        }
        detail.insert("id".to_owned(), json!(id * 10 + n));
        detail.insert("detailid".to_owned(), json!(id * 10 + n));
    }
    fields
}
