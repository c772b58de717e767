"""Over a lake of several runs, with changes in between: every version is there once, for as long as it was the one."""

import shutil
from datetime import UTC, datetime

import pytest

from books import every_table, rows
from made_up import FreshBooks

CHANGED, RELINED, BACK, UNTOUCHED = 2_621_003, 2_621_004, 2_621_005, 2_621_002
RATE, GONE = 7_843, 7_842


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The books, and the instants at which nothing was read."""
    freshbooks = FreshBooks(tmp_path_factory.mktemp("made-up"))
    unit, between = freshbooks.account, []

    def read():
        freshbooks.sync()
        between.append(datetime.now(UTC).replace(tzinfo=None))

    try:
        read()
        freshbooks.change(unit, "invoices", "change", CHANGED, notes="second")
        freshbooks.change(unit, "invoices", "change", RELINED, lines=[{"lineid": 1, "name": "the only one"}])
        freshbooks.change(unit, "invoices", "delete", BACK)
        freshbooks.change(unit, "taxes", "delete", GONE)
        freshbooks.change(unit, "taxes", "change", RATE, amount="20")
        read()
        read()
        freshbooks.change(unit, "invoices", "change", CHANGED, notes="third")
        freshbooks.change(unit, "invoices", "undelete", BACK)
        read()
        # What a reading that was discarded leaves behind: the same rows under another name.
        for file in sorted((freshbooks.folder / "lake" / "raw").glob("invoice*/**/*.parquet")):
            shutil.copy(file, file.with_name(f"orphan-{file.name}"))
        yield freshbooks.lake(), unit, between
    finally:
        freshbooks.stop()


def versions(world, table, key, told, of="id"):
    """What is told of each version, with the number of the run that read it first, and of the one that ended it."""
    db, unit, between = world

    def run(instant):
        return instant and 1 + sum(instant > moment for moment in between)

    found = rows(db, f'FROM {table}_history WHERE _account_id = ? AND "{of}" = ? ORDER BY valid_from', [unit, key])
    return [(row[told], row["_is_deleted"], run(row["valid_from"]), run(row["valid_to"])) for row in found]


def test_a_change_ends_a_version(world):
    [(_, *first), second, third] = versions(world, "invoices", CHANGED, "notes")
    assert (first, second, third) == ([False, 1, 2], ("second", False, 2, 4), ("third", False, 4, None))
    [(before, *_), (after, *_)] = found = versions(world, "taxes", RATE, "amount")
    assert before != after == 20 and [row[1:] for row in found] == [(False, 1, 2), (False, 2, None)]


def test_what_did_not_change_has_one_version(world):
    [(_, *only)] = versions(world, "invoices", UNTOUCHED, "amount")
    assert only == [False, 1, None]


def test_what_was_deleted_and_came_back_has_three(world):
    assert [row[1:] for row in versions(world, "invoices", BACK, "amount")] == [
        (False, 1, 2), (True, 2, 4), (False, 4, None)]
    assert {row[1:] for row in versions(world, "invoice_lines", BACK, "name", "invoiceid")} == {
        (False, 1, 2), (True, 2, 4), (False, 4, None)}


def test_what_is_no_longer_listed_ends_as_deleted(world):
    [(name, *first), last] = versions(world, "taxes", GONE, "name")
    assert name and first == [False, 1, 2] and last == (None, True, 2, None)


def test_lines_that_were_taken_out_end(world):
    found = versions(world, "invoice_lines", RELINED, "name", "invoiceid")
    before = [row for row in found if row[2] == 1]
    assert len(before) > 1 and {row[1:] for row in before} == {(False, 1, 2)}
    assert [row for row in found if row not in before] == [("the only one", False, 2, None)]


def test_what_is_valid_today_and_lives_is_what_the_lake_has(world):
    db, _, between = world
    for table, parent in every_table():
        name = table["name"]
        columns = ", ".join(f'"{column["name"]}"' for column in table["columns"]
                            if not column["name"].startswith("_raw") and not column["type"].startswith("TIMESTAMP")
                            and column["name"] != "_run_id")
        today = f"SELECT {columns} FROM {name}_history WHERE valid_to IS NULL AND NOT _is_deleted"
        living = f"SELECT {columns} FROM {name}_active"
        assert rows(db, living) or name == "bill_attachments", name  # the demo's bills have no files
        assert rows(db, f"{today} EXCEPT {living}") == rows(db, f"{living} EXCEPT {today}") == []
        [[first]] = db.execute(f"SELECT count(*) FROM {name}_history WHERE valid_from < ?", [between[0]]).fetchall()
        [[still]] = db.execute(f"SELECT count(*) FROM {name}_history WHERE valid_from < ? AND "
                               "(valid_to IS NULL OR valid_to > ?)", [between[0]] * 2).fetchall()
        assert first == still and (first > 0 or name == "bill_attachments"), name
