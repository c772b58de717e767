"""Every version of a row, and how long it was the one: over raw rows written by hand."""

import json

import pytest

from books import CREATE_VIEWS, add, empty_lake, make_views, rows

TEXTS = CREATE_VIEWS.texts()


def at(minute):
    return f"2026-03-01 12:{minute:02}:00+00"


def minute(instant):
    return None if instant is None else instant.minute


def read(db, table, when, content, unit="A", **columns):
    """A raw row as a run writes it; without content, a tombstone."""
    raw = None if content is None else json.dumps(content)
    key = {"_business_id": unit} if isinstance(unit, int) else {"_account_id": unit}
    columns = {"_is_deleted": content is None, "_run_id": f"run-{when}", **key, **columns}
    add(db, f"raw.{table}", _extracted_at=at(when), _raw=raw, **columns)


def expect(db, table, told, expected):
    """What is told of each version, with its minutes: these, and no others."""
    found = rows(db, f"FROM {table}_history")
    assert all(row["_extracted_at"] == row["valid_from"] for row in found)
    seen = [(*(row[name] for name in told), minute(row["valid_from"]), minute(row["valid_to"])) for row in found]
    assert sorted(seen, key=repr) == sorted(expected, key=repr)


def check_rows(changed):
    db = empty_lake()

    def tax(when, amount, key=1, **columns):
        content = None if amount is None else {"id": key, "amount": amount}
        read(db, "taxes", when, content, id=key, name=amount, **columns)

    # A, A again, B, the same B from a reading that was discarded, and A once more: a version of its own.
    for when, amount in [(1, "A"), (2, "A"), (4, "B"), (3, "B"), (4, "B"), (6, "A")]:
        tax(when, amount)
    # Gone, still gone, and back as it was.
    for when, amount in [(7, None), (8, None), (9, "A")]:
        tax(when, amount)
    # All that is known of 2 is that it is gone; 1 of account B is another row.
    tax(5, None, key=2)
    tax(5, "Z", unit="B")
    make_views(db, "taxes_history", changed=changed)
    expect(db, "taxes", ["_account_id", "id", "name", "_is_deleted"], [
        ("A", 1, "A", False, 1, 3),
        ("A", 1, "B", False, 3, 6),
        ("A", 2, None, True, 5, None),
        ("B", 1, "Z", False, 5, None),
        ("A", 1, "A", False, 6, 7),
        ("A", 1, None, True, 7, 9),
        ("A", 1, "A", False, 9, None)])


def check_report(changed):
    """A key of several columns, none of them a number alone."""
    db = empty_lake()
    for when, line, cash, total in [
            (1, "income/1", False, "1"), (2, "income/1", True, "1"), (3, "income/2", False, "1"),
            (4, "income/1", False, "2")]:
        read(db, "report_profitloss_entity", when, {"total": total}, line=line, cash_based=cash, description=total,
             start_date="2026-01-01", end_date="2026-12-31", currency_code="CAD")
    make_views(db, "report_profitloss_entity_history", changed=changed)
    expect(db, "report_profitloss_entity", ["line", "cash_based", "description"], [
        ("income/1", False, "1", 1, 4), ("income/1", True, "1", 2, None), ("income/2", False, "1", 3, None),
        ("income/1", False, "2", 4, None)])


def invoice(db, when, lines, key=1, unit="A", **columns):
    """An invoice with its lines; None is an answer without them."""
    content = {"id": key, "when": when} | ({} if lines is None else {"lines": list(lines)})
    read(db, "invoices", when, content, unit, id=key, **columns)
    for position, (line, name) in enumerate(lines or []):
        read(db, "invoice_lines", when, {"lineid": line, "name": name}, unit, invoiceid=key, lineid=line, name=name,
             _position=position, **columns)


def check_lines(changed):
    db = empty_lake()
    invoice(db, 1, [(1, "Paper"), (2, "Ink")])
    # The same lines of an invoice that changed otherwise, read twice.
    invoice(db, 2, [(1, "Paper"), (2, "Ink")])
    invoice(db, 2, [(1, "Paper"), (2, "Ink")])
    # Ink costs more; Pens are new.
    invoice(db, 3, [(1, "Paper"), (2, "Dear ink"), (3, "Pens")])
    # An answer that says nothing about lines, in two ways.
    invoice(db, 4, None)
    read(db, "invoices", 5, {"id": 1, "lines": None}, id=1)
    # Paper is taken out.
    invoice(db, 6, [(2, "Dear ink"), (3, "Pens")])
    # No lines at all, and the same ones again; then Pens alone, and the invoice is deleted, lines and all.
    invoice(db, 7, [])
    invoice(db, 8, [(2, "Dear ink"), (3, "Pens")])
    invoice(db, 9, [(3, "Pens")])
    invoice(db, 10, [(3, "Pens")], _is_deleted=True)
    # The same numbers in another invoice, and in another account at the same instant.
    invoice(db, 11, [(1, "Other")], key=2)
    invoice(db, 3, [(1, "Foreign")], unit="B")
    make_views(db, "invoice_lines_history", changed=changed)
    expect(db, "invoice_lines", ["_account_id", "invoiceid", "name", "_position", "_is_deleted"], [
        ("A", 1, "Ink", 1, False, 1, 3),
        ("A", 1, "Paper", 0, False, 1, 6),
        ("A", 1, "Dear ink", 1, False, 3, 6),
        ("A", 1, "Pens", 2, False, 3, 6),
        # They moved up by one.
        ("A", 1, "Dear ink", 0, False, 6, 7),
        ("A", 1, "Pens", 1, False, 6, 7),
        ("A", 1, "Dear ink", 0, False, 8, 9),
        ("A", 1, "Pens", 1, False, 8, 9),
        ("A", 1, "Pens", 0, False, 9, 10),
        ("A", 1, "Pens", 0, True, 10, None),
        ("A", 2, "Other", 0, False, 11, None),
        ("B", 1, "Foreign", 0, False, 3, None)])


def check_lines_without_numbers(changed):
    """Two equal lines stay two, told apart by their positions."""
    db = empty_lake()
    for when, positions in [(1, 2), (2, 1)]:
        read(db, "credit_notes", when, {"id": 1, "lines": [{}] * positions, "when": when}, id=1)
        for position in range(positions):
            read(db, "credit_note_lines", when, {}, creditid=1, name="Gift", _position=position)
    make_views(db, "credit_note_lines_history", changed=changed)
    expect(db, "credit_note_lines", ["name", "_position"], [("Gift", 1, 1, 2), ("Gift", 0, 1, None)])


def check_services_of_a_project(changed):
    """A project that is gone takes its services along."""
    db = empty_lake()
    for when, content in [(1, {"id": 1, "services": [{"id": 5}]}), (2, None)]:
        read(db, "projects", when, content, 10, id=1)
    read(db, "project_services", 1, {"id": 5}, 10, project_id=1, id=5, _position=0)
    make_views(db, "project_services_history", changed=changed)
    expect(db, "project_services", ["id"], [(5, 1, 2)])


def check_memberships(changed):
    """Of a person, who is of no account and no business."""
    db = empty_lake()
    for when, role in [(1, "owner"), (2, "owner"), (3, "client")]:
        add(db, "raw.users_me", identity_id=7, _extracted_at=at(when), _run_id="r", _is_deleted=False,
            _raw=json.dumps({"business_memberships": [{"role": role}], "when": when}))
        add(db, "raw.business_memberships", identity_id=7, id=3, role=role, _position=0, _extracted_at=at(when),
            _run_id="r", _is_deleted=False, _raw=json.dumps({"role": role}))
    make_views(db, "business_memberships_history", "users_me_history", changed=changed)
    expect(db, "business_memberships", ["role"], [("owner", 1, 3), ("client", 3, None)])
    expect(db, "users_me", ["identity_id"], [(7, 1, 2), (7, 2, 3), (7, 3, None)])


def check_presentation(changed):
    """An object is one row, and null says that there is none; without the key nothing is said."""
    db = empty_lake()
    for when, logo in [(1, "A"), (2, "A"), (3, "B"), (4, None), (5, ...), (6, "B")]:
        content = {"id": 1, "when": when} | ({} if logo is ... else {"presentation": logo and {"image_logo_src": logo}})
        read(db, "invoices", when, content, id=1)
        if isinstance(logo, str):
            read(db, "invoice_presentation", when, {"image_logo_src": logo}, invoiceid=1, image_logo_src=logo, _position=0)
    make_views(db, "invoice_presentation_history", changed=changed)
    expect(db, "invoice_presentation", ["image_logo_src"], [("A", 1, 3), ("B", 3, 4), ("B", 6, None)])


def check_members(changed):
    """Members are inside of a group: without a group there are none."""
    db = empty_lake()
    for when, group in [(1, [5, 6]), (2, [6]), (3, []), (4, [6]), (5, None)]:
        members = group and [{"id": key} for key in group]
        read(db, "projects", when, {"id": 1, "group": None if group is None else {"members": members}}, 10, id=1)
        for position, key in enumerate(group or []):
            read(db, "project_group_members", when, {"id": key}, 10, project_id=1, id=key, _position=position)
    make_views(db, "project_group_members_history", changed=changed)
    expect(db, "project_group_members", ["id"], [(5, 1, 2), (6, 1, 2), (6, 2, 3), (6, 4, 5)])


def check_active(changed):
    db = empty_lake()
    for key, deleted in [(1, False), (2, True), (3, False)]:
        add(db, "invoices", _account_id="A", id=key, _is_deleted=deleted)
    make_views(db, "invoices_active", changed=changed)
    assert [row["id"] for row in rows(db, "FROM invoices_active ORDER BY id")] == [1, 3]


CHECKS = {
    "taxes_history": check_rows,
    "report_profitloss_entity_history": check_report,
    "invoice_lines_history": check_lines,
    "credit_note_lines_history": check_lines_without_numbers,
    "project_services_history": check_services_of_a_project,
    "business_memberships_history": check_memberships,
    "invoice_presentation_history": check_presentation,
    "project_group_members_history": check_members,
    "invoices_active": check_active,
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_version_lasts_until_the_next(name):
    CHECKS[name]({})


MISTAKES = {
    "taxes_history": [
        ("_reading = 1 OR ", ""),
        ("_raw IS DISTINCT FROM _raw_before", "_raw <> _raw_before"),
        ("    WHERE _reading = 1 OR _raw IS DISTINCT FROM _raw_before\n", ""),
        ("_account_id, \"id\"", "\"id\""),
        ("_account_id, \"id\"", "_account_id"),
        ("ORDER BY _extracted_at", "ORDER BY _run_id DESC"),
    ],
    "report_profitloss_entity_history": [
        (", \"cash_based\", \"line\"\n", ", \"line\"\n"),
        (", \"line\"\n", "\n"),
    ],
    "invoice_lines_history": [
        ("    UNION\n    SELECT _account_id, \"id\", _extracted_at\n    FROM raw.invoices\n    WHERE _raw IS NULL OR "
         "json_extract(_raw, '$.lines') = JSON '[]'\n", ""),
        ("_raw IS NULL OR json_extract(_raw, '$.lines') = JSON '[]'", "TRUE"),
        ("_raw IS DISTINCT FROM _raw_before OR _is_deleted <> _deleted_before", "_raw IS DISTINCT FROM _raw_before"),
        ("_raw IS DISTINCT FROM _raw_before OR ", ""),
        ("WHEN _extracted_at IN (_expected, _read_before) THEN 0", "WHEN _extracted_at IN (_expected) THEN 0"),
        ("            WHEN _extracted_at IN (_expected, _read_before) THEN 0\n", ""),
        ("            ELSE 1\n", "            ELSE 0\n"),
        ("ON child._account_id = parent._unit\n        AND", "ON"),
        ("child._extracted_at = parent._read_at", "child._extracted_at >= parent._read_at"),
        ("PARTITION BY _unit, _parent", "PARTITION BY _unit"),
        ("PARTITION BY _unit, _parent", "PARTITION BY _parent"),
        ("_version\n            ORDER BY _extracted_at DESC", "_version\n            ORDER BY _extracted_at"),
        ("WHERE _nth = 1\n", ""),
    ],
    "credit_note_lines_history": [("PARTITION BY _account_id, \"creditid\", \"_position\"",
                                   "PARTITION BY _account_id, \"creditid\"")],
    "project_services_history": [("_raw IS NULL OR ", "")],
    "business_memberships_history": [("PARTITION BY _parent", "PARTITION BY _read_at")],
    "invoice_presentation_history": [("json_extract(_raw, '$.presentation') = JSON 'null'", "FALSE")],
    "project_group_members_history": [("json_extract(_raw, '$.group.members') = JSON '[]'", "FALSE"),
                                      ("json_extract(_raw, '$.group') = JSON 'null'", "FALSE")],
    "invoices_active": [("WHERE NOT _is_deleted", "")],
}


@pytest.mark.parametrize("name, right, wrong", [(name, *pair) for name, pairs in MISTAKES.items() for pair in pairs])
def test_a_mistake_in_a_view_is_noticed(name, right, wrong):
    assert right in TEXTS[name]
    with pytest.raises(AssertionError):
        CHECKS[name]({name: TEXTS[name].replace(right, wrong)})
