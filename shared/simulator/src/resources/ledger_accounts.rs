//! The chart of accounts as the newer part of accounting has it: by uuid, `state`, all of it at once.

use super::{Declaration, Family, Kind, Lifecycle, Sheet, USUAL, UpdatedKey};
use crate::book::Book;
use crate::chart::{self, Node};
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::LedgerAccounts,
    name: "ledger_accounts",
    family: Family::Ledger,
    list_path: "ledger_accounts/accounts",
    single_path: "ledger_accounts/accounts",
    list_key: "data",
    single_key: "account",
    id_keys: &["uuid"],
    scope: "journal_entries",
    lifecycle: Lifecycle::LedgerState,
    updated: UpdatedKey::Micros("updated_at"),
    required: &["name", "sub_type", "parent_account"],
    count: (0, chart::NODES, chart::NODES),
    paged: false,
    write,
    ..USUAL
};

/// The uuid of the account at `index` of the chart.
pub(crate) fn uuid(book: &Book, index: u64) -> String {
    book.dice(Kind::LedgerAccounts, index).uuid("uuid")
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    // an account that is added is one below the first, until its fields say otherwise
    let node = chart::node(index).unwrap_or(Node { account: 0, sub: None });
    let (account, added) = (node.account(), index >= chart::NODES);
    let is_sub = added || node.sub.is_some();
    let below = if is_sub { Vec::new() } else { chart::indices_below(node.account) };
    row.value("auto_created", !added);
    row.null("category_id");
    row.value("description", "");
    row.value("jea_id", (!is_sub).then(|| chart::account_id(node.account)));
    row.value("jesa_id", node.sub.filter(|_| !added).map(chart::sub_account_id));
    row.value("name", node.name());
    row.value("number", if added { format!("{}-{}", account.number, index) } else { node.number() });
    row.value("parent_account", is_sub.then(|| uuid(book, chart::index_of(node.account))));
    row.value("state", sheet.state.ledger_state());
    row.value("sub_accounts", below.into_iter().map(|index| uuid(book, index)).collect::<Vec<_>>());
    row.value("sub_type", account.sub_type);
    if !added {
        row.value("system_account_name", node.name());
    }
    row.value("type", account.kind);
    row.micros(
        "updated_at",
        sheet.updated,
        book.dice(Kind::LedgerAccounts, index).below("micros", 1_000_000),
    );
    row.plain("uuid", uuid(book, index));
}
