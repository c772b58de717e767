/// What FreshBooks is known to have and no table reads.
#[derive(Clone, Copy, Debug)]
pub struct Unreachable {
    /// Its name.
    pub name: &'static str,
    /// What would have to be known first, or why it is no table.
    pub missing: &'static str,
}

const fn unreachable(name: &'static str, missing: &'static str) -> Unreachable {
    Unreachable { name, missing }
}

/// What is known and not read, with what is missing.
pub const UNREACHABLE: &[Unreachable] = &[
    unreachable(
        "project_threads",
        "the path: documents only name it, \"List All Messages in Project Discussion\"",
    ),
    unreachable("abilities", "the path: one answer is known, but not what was asked"),
    unreachable(
        "adjustment_journal_entries",
        "an answer: the path is known, and that it needs the header x-api-version: 2023-09-25, but not where its rows are; \
         journal_entry_details has what such entries do to the ledger",
    ),
    unreachable(
        "journal_entries_created",
        "a way to read: such entries are only written; journal_entry_details has their lines",
    ),
    unreachable(
        "uploads_attachments",
        "rows: the answer is the file itself, opened by a token that tables mask",
    ),
    unreachable(
        "uploads_images",
        "rows: the answer is the picture itself, opened by a token that tables mask",
    ),
    unreachable("report_cash_flow", "the path: documents only name the report"),
    unreachable(
        "report_general_ledger",
        "the path: documents name the report, and call journal_entry_accounts for it",
    ),
];
