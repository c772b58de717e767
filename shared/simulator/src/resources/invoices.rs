//! Invoices with lines and presentation. What is paid follows from the one payment an invoice may have.

use jiff::civil::Date;

use super::{
    ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, documents, invoice_profiles,
    lines, payments,
};
use crate::book::Book;
use crate::dice::Dice;
use crate::money::{Currency, Money, Thousandths};
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Invoices,
    name: "invoices",
    list_path: "invoices/invoices",
    single_path: "invoices/invoices",
    list_key: "invoices",
    single_key: "invoice",
    id_keys: &["id", "invoiceid"],
    scope: "invoices",
    first_id: 2_621_001,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[
        ("customerid", "customerid", Match::Equals),
        ("customerids", "customerid", Match::OneOf),
        ("invoiceid", "id", Match::Equals),
        ("invoiceids", "id", Match::OneOf),
        ("invoice_number", "invoice_number", Match::Equals),
        ("v3_status", "v3_status", Match::Equals),
        ("date_min", "create_date", Match::DateFrom),
        ("date_max", "create_date", Match::DateTo),
    ],
    sorts: &[("invoice_date", "create_date")],
    includes: &["lines", "presentation", "owner", "contacts"],
    count: (120, 0, u64::MAX),
    write,
    fact,
    ..USUAL
};

/// What an invoice comes to.
pub(crate) struct Invoice {
    pub(crate) customer: u64,
    pub(crate) currency: Currency,
    pub(crate) create_date: Date,
    lines: Vec<lines::Line>,
    totals: lines::Totals,
    pub(crate) amount: Money,
    pub(crate) paid: Money,
    status: Status,
    due_days: i64,
}

/// FreshBooks' numbers for what `v3_status` says in words.
#[derive(Clone, Copy)]
enum Status {
    Draft,
    Sent,
    Viewed,
    Overdue,
    Partial,
    Paid,
}

impl Status {
    fn number(self) -> i64 {
        match self {
            Self::Draft => 1,
            // overdue is no number of its own
            Self::Sent | Self::Overdue => 2,
            Self::Viewed => 3,
            Self::Paid => 4,
            Self::Partial => 8,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sent => "sent",
            Self::Viewed => "viewed",
            Self::Overdue => "overdue",
            Self::Partial => "partial",
            Self::Paid => "paid",
        }
    }
}

impl Invoice {
    /// What `v3_status` says.
    pub(super) fn word(&self) -> &'static str {
        self.status.word()
    }
}

pub(crate) fn customer(book: &Book, index: u64) -> u64 {
    book.dice(Kind::Invoices, index).below("customer", book.count(Kind::Clients))
}

/// The total of invoice `index`.
pub(crate) fn amount(book: &Book, index: u64) -> Money {
    let dice = book.dice(Kind::Invoices, index);
    let currency = book.client_currency(customer(book, index));
    lines::totals(dice, currency, &lines::lines(dice, currency)).amount
}

/// The date on invoice `index`: up to three weeks before it was last updated.
pub(crate) fn create_date(book: &Book, index: u64) -> Date {
    let updated = moment::eastern(book.updated(Kind::Invoices, index)).date();
    moment::shift(updated, -book.dice(Kind::Invoices, index).between("create date", 0, 20))
}

/// Works out invoice `index`.
pub(crate) fn invoice(book: &Book, index: u64) -> Invoice {
    let dice = book.dice(Kind::Invoices, index);
    let customer = customer(book, index);
    let currency = book.client_currency(customer);
    let lines = lines::lines(dice, currency);
    let totals = lines::totals(dice, currency, &lines);
    let amount = totals.amount;
    let paid = payments::of_invoice(book, index)
        .map_or(0, |payment| payments::share_of(book, payment, amount).minor);
    let create_date = create_date(book, index);
    let due_days = dice.pick("due", &[0, 14, 30, 30, 30, 60]);
    let today = moment::eastern(moment::at(book.until)).date();
    let status = if paid > 0 && paid >= amount.minor {
        Status::Paid
    } else if paid > 0 {
        Status::Partial
    } else if dice.one_in("draft", 8) {
        Status::Draft
    } else if moment::shift(create_date, due_days) < today {
        Status::Overdue
    } else if dice.one_in("viewed", 2) {
        Status::Viewed
    } else {
        Status::Sent
    };
    let paid = Money { minor: paid, currency };
    Invoice { customer, currency, create_date, lines, totals, amount, paid, status, due_days }
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::Invoices, index);
    let invoice = invoice(book, index);
    let currency = invoice.currency;
    let person = book.person(invoice.customer);
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 3 * 86_400));
    row.value("accountid", book.account_id);
    row.value("accounting_systemid", book.account_id);
    row.value("address", "");
    row.money("amount", invoice.amount);
    row.value("auto_bill", false);
    row.null("autobill_status");
    row.value("basecampid", 0);
    row.value("city", person.city);
    row.value("code", person.code);
    row.value("country", person.country);
    row.date("create_date", invoice.create_date);
    row.eastern("created_at", created);
    row.plain("currency_code", currency.code());
    row.value("current_organization", person.addressee());
    row.value("customerid", Kind::Clients.id(invoice.customer));
    if matches!(invoice.status, Status::Paid) {
        row.date("date_paid", moment::shift(invoice.create_date, dice.between("paid after", 0, 9)));
    } else {
        row.null("date_paid");
    }
    write_deposit(dice, invoice.amount, row);
    row.value("description", dice.pick("subject", words::PROJECTS));
    row.null("discount_description");
    row.money("discount_total", invoice.totals.discount);
    row.plain("discount_value", Thousandths(invoice.totals.discount_percent));
    row.value("display_status", invoice.status.word());
    row.null("dispute_status");
    row.date("due_date", moment::shift(invoice.create_date, invoice.due_days));
    row.value("due_offset_days", invoice.due_days);
    row.value("email", &person.email);
    row.value(
        "estimateid",
        if dice.one_in("quoted", 9) { book.any(Kind::Estimates, dice, "estimate") } else { 0 },
    );
    row.value("ext_archive", 0);
    row.value("fname", person.first);
    if dice.one_in("fulfilled", 3) {
        row.date("fulfillment_date", invoice.create_date);
    } else {
        row.null("fulfillment_date");
    }
    row.null("generation_date");
    row.value("gmail", false);
    row.value("id", id);
    row.plain("invoice_number", format_args!("{:07}", index + 1));
    row.value("invoiceid", id);
    row.value("language", "en");
    row.null("last_order_status");
    if sheet.includes.has("lines") {
        row.list("lines", lines::numbered(&invoice.lines), |line, row| {
            lines::write_invoice_line(book, id, created, line, row);
        });
    }
    row.value("lname", person.last);
    write_net_paid(dice, &invoice, row);
    row.value("notes", dice.pick("notes", words::NOTES));
    row.value("organization", person.addressee());
    row.money("outstanding", Money { minor: invoice.amount.minor - invoice.paid.minor, currency });
    row.value("ownerid", 1);
    row.money("paid", invoice.paid);
    // the recurring profile that made it
    let profile = invoice_profiles::of_invoice(book, index);
    row.value("parent", profile.map_or(0, |profile| Kind::InvoiceProfiles.id(profile)));
    row.value("payment_details", "");
    row.value(
        "payment_status",
        match invoice.status {
            Status::Paid => "paid",
            Status::Partial => "partial",
            _ => "unpaid",
        },
    );
    row.value("po_number", dice.one_in("po", 7).then(|| format!("PO-{}", dice.below("po number", 9_999))));
    documents::write_included(sheet, (dice, invoice.customer), ("invoiceid", id), row);
    row.value("province", person.province);
    row.null("return_uri");
    row.value("sentid", 1);
    row.value("show_attachments", false);
    row.value("status", invoice.status.number());
    row.value("street", &person.street);
    row.value("street2", "");
    row.value("template", "clean-grouped");
    row.value("terms", dice.one_in("terms", 4).then_some("Payable within the period stated above."));
    row.eastern("updated", sheet.updated);
    row.plain("uuid", dice.uuid("uuid"));
    row.value("v3_status", invoice.status.word());
    row.value("vat_name", dice.one_in("vat", 8).then_some("VAT Number"));
    row.value("vat_number", if dice.one_in("vat", 8) { "123" } else { "" });
    row.version("version", sheet.updated, dice.below("micros", 1_000_000));
    row.value("vis_state", sheet.state.vis_state());
}

fn write_deposit(dice: Dice, amount: Money, row: &mut Row<'_>) {
    if dice.one_in("deposit", 12) {
        row.money("deposit_amount", Money { minor: amount.minor / 10, ..amount });
        row.plain("deposit_percentage", "10.0");
        row.value("deposit_status", "unpaid");
    } else {
        row.nulls(&["deposit_amount", "deposit_percentage"]);
        row.value("deposit_status", "none");
    }
}

/// What is left of a payment after fees; now and then with 26 decimals, as FreshBooks has been seen to write it.
fn write_net_paid(dice: Dice, invoice: &Invoice, row: &mut Row<'_>) {
    let net = Money { minor: invoice.paid.minor - invoice.paid.minor / 40, currency: invoice.currency };
    if net.minor > 0 && invoice.currency.has_cents() && dice.one_in("long decimals", 9) {
        let whole = net.minor / 100;
        let (high, low) =
            (dice.below("decimals", 10_u64.pow(13)), dice.below("more decimals", 10_u64.pow(13)));
        let code = invoice.currency.code();
        row.object("net_paid_amount", |row| {
            row.plain("amount", format_args!("{whole}.{high:013}{low:013}"));
            row.plain("code", code);
        });
    } else {
        row.money("net_paid_amount", net);
    }
}

/// Writes how a document looks; `of` is the key and the number of the document.
pub(super) fn write_presentation(dice: Dice, of: (&str, i64), row: &mut Row<'_>) {
    row.value("date_format", "dd/mm/yyyy");
    row.nulls(&["description_heading", "hours_heading"]);
    row.value("image_banner_position_y", 0);
    row.value("image_banner_src", "/uploads/images/simulated_banner");
    row.value("image_logo_src", "/uploads/images/simulated_logo");
    row.value(of.0, of.1);
    row.nulls(&["item_heading", "label", "quantity_heading", "rate_heading", "task_heading"]);
    row.value("theme_font_name", dice.pick("font", &["modern", "classic"]));
    row.value("theme_layout", "simple");
    row.value("theme_primary_color", dice.pick("color", &["#663399", "#0a5c36", "#1f4e79"]));
    row.nulls(&["time_entry_notes_heading", "unit_cost_heading"]);
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "id" => Some(Kind::Invoices.id(index).to_string()),
        "customerid" => Some(Kind::Clients.id(customer(book, index)).to_string()),
        "invoice_number" => Some(format!("{:07}", index + 1)),
        "create_date" => Some(create_date(book, index).to_string()),
        "v3_status" => Some(invoice(book, index).status.word().to_owned()),
        _ => None,
    }
}
