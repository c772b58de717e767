"""The views over current tables, those of the demo and of books that changed, against figures added up from FreshBooks' own JSON: in Python, without SQL, and
without the tables that the views read."""

import calendar
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet
import pytest

from books import CREATE_VIEWS, declared, demo_lake, rows
from made_up import FreshBooks

UNIT = {"account": "_account_id", "business": "_business_id", "person": "identity_id"}
BUCKETS = ["not_due", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The database, and what was received."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return demo_lake(folder), Received(folder / "lake" / "raw")


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """The same of books that changed between two runs."""
    freshbooks = FreshBooks(tmp_path_factory.mktemp("changed"))
    try:
        freshbooks.sync()
        received = Received(freshbooks.folder / "lake" / "raw")
        account, business = freshbooks.account, freshbooks.business
        invoices, payments, entries, taxes = (
            [json.loads(text)["id"] for (whose, _), (text, _) in received.tables[table].items()
             if whose in (account, business)] for table in ("invoices", "payments", "time_entries", "taxes"))
        dear = [{**json.loads(received.tables["invoices"][account, id_][0])["amount"], "amount": "123456.78"}
                for id_ in invoices[:2]]
        freshbooks.change(account, "invoices", "change", invoices[0], amount=dear[0])
        freshbooks.change(account, "invoices", "change", invoices[1], lines=[{"lineid": 1, "amount": dear[1]}])
        freshbooks.change(account, "invoices", "delete", invoices[2])
        freshbooks.change(account, "payments", "change", payments[0], amount={"amount": "1.01", "code": "CAD"})
        freshbooks.change(account, "payments", "delete", payments[1])
        for entry in entries[:3]:
            freshbooks.change(business, "time_entries", "change", entry, billable=True, billed=False, duration=3_601)
        freshbooks.change(business, "time_entries", "delete", entries[3])
        freshbooks.change(account, "taxes", "delete", taxes[0])
        freshbooks.sync()
        received = Received(freshbooks.folder / "lake" / "raw")
        assert received.changed > 5 and received.gone["taxes"]
        yield freshbooks.lake(), received
    finally:
        freshbooks.stop()


@pytest.fixture(scope="module", params=["demo", "changed"])
def lake(request):
    return request.getfixturevalue(request.param)


class Received:
    """Of each row the last answer of FreshBooks, with whose it is."""

    def __init__(self, raw):
        self.tables, self.gone, self.changed = {}, {}, 0
        for table in declared():
            whose, found = UNIT[table["belongs_to"]], []
            for path in (raw / table["name"]).glob("**/*.parquet"):
                found += pyarrow.parquet.ParquetFile(path).read().to_pylist()
            last, gone = {}, set()
            for row in sorted(found, key=lambda row: row["_extracted_at"]):
                key = (row[whose], *(row[name] for name in table["key"]))
                gone.discard(key)
                if row["_raw"] is None:
                    gone.add(key)
                else:
                    last[key] = row["_raw"], row["_is_deleted"]
            self.changed += len(found) - len(last)
            self.tables[table["name"]] = last
            self.gone[table["name"]] = gone

    def living(self, table):
        for key, (text, deleted) in self.tables[table].items():
            if not deleted and key not in self.gone[table]:
                yield key[0], json.loads(text)


def inside(row, source):
    """The rows of a child: those of an array, or an object."""
    for key in source.split("."):
        row = (row or {}).get(key)
    return row if isinstance(row, list) else [row] if row else []


def money(value):
    return Decimal(value["amount"]) if value else Decimal(0)


def is_owed(invoice):
    return invoice["status"] != 1 and invoice["v3_status"] != "draft"


def balances(received, until):
    """What is owed of each invoice at the end of a day: its amount, less what was paid."""
    paid = defaultdict(list)
    for account, payment in received.living("payments"):
        paid[account, payment["invoiceid"], payment["amount"]["code"]].append(
            (date.fromisoformat(payment["date"]), money(payment["amount"])))
    for account, invoice in received.living("invoices"):
        created, code = date.fromisoformat(invoice["create_date"]), invoice["amount"]["code"]
        if not is_owed(invoice) or created > until:
            continue
        balance = money(invoice["amount"])
        balance -= sum(amount for day, amount in paid[account, invoice["id"], code] if max(day, created) <= until)
        yield account, invoice, balance


def nonzero(totals):
    return {key: value for key, value in totals.items() if any(value.values())}


def test_active_rows_are_those_that_live(lake):
    db, received = lake
    seen = 0
    for table in declared():
        keys = ", ".join(f'"{name}"' for name in [UNIT[table["belongs_to"]], *table["key"]])
        there = sorted(map(repr, db.execute(f"SELECT {keys} FROM {table['name']}_active").fetchall()))
        name = table["name"]
        living = [key for key, (_, deleted) in received.tables[name].items()
                  if not deleted and key not in received.gone[name]]
        assert there and there == sorted(map(repr, living)), name
        seen += len(living)
        for child in table["children"]:
            [[count]] = db.execute(f"SELECT count(*) FROM {child['name']}_active").fetchall()
            expected = sum(len(inside(row, child["source"])) for _, row in received.living(name))
            # What FreshBooks' answers have of files of bills is not known: there are none here.
            assert count == expected and (expected > 0 or child["name"] == "bill_attachments"), child["name"]
    assert seen > 300


def test_invoices_and_lines_have_the_amounts_that_freshbooks_told(lake):
    db, received = lake
    invoices, lines = {}, {}
    for account, invoice in received.living("invoices"):
        invoices[account, invoice["id"]] = money(invoice["amount"]), money(invoice["outstanding"])
        for line in invoice["lines"]:
            lines[account, invoice["id"], line["lineid"]] = money(line["amount"]), Decimal(line.get("qty") or 0)
    there = {row[:2]: row[2:] for row in db.execute(
        "SELECT _account_id, id, amount, outstanding FROM invoices_active").fetchall()}
    assert there == invoices
    there = {row[:3]: row[3:] for row in db.execute(
        "SELECT _account_id, invoiceid, lineid, amount, coalesce(qty, 0) FROM invoice_lines_active").fetchall()}
    assert there == lines


@pytest.mark.parametrize("days_ago", [0, 45, 200])
def test_receivables_by_age(lake, days_ago):
    db, received = lake
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    totals = defaultdict(lambda: defaultdict(Decimal))
    for account, invoice, balance in balances(received, day):
        total = totals[account, invoice["customerid"], invoice["amount"]["code"]]
        if balance < 0:
            total["credit_balance"] -= balance
        due = invoice["due_date"] and date.fromisoformat(invoice["due_date"])
        late = (day - (due or date.fromisoformat(invoice["create_date"]))).days
        total[BUCKETS[0 if late <= 0 else min((late - 1) // 30 + 1, 4)]] += max(balance, Decimal(0))
        total["outstanding"] += max(balance, Decimal(0))
        total["invoices"] += balance > 0
    names = ["invoices", *BUCKETS, "outstanding", "credit_balance"]
    seen = {}
    for row in rows(db, CREATE_VIEWS.prepared()["receivables_aging_as_of"], [str(day)]):
        seen[row["account_id"], row["client_id"], row["currency"]] = {name: row[name] for name in names}
    expected = {key: {name: total[name] for name in names} for key, total in nonzero(totals).items()}
    assert len(seen) > 2 and seen == expected


def test_revenue_by_client(lake):
    db, received = lake
    totals = defaultdict(lambda: defaultdict(Decimal))
    for account, invoice in received.living("invoices"):
        if not is_owed(invoice):
            continue
        total = totals[account, invoice["customerid"], invoice["amount"]["code"], invoice["create_date"][:7]]
        total["invoices"] += 1
        total["invoiced"] += money(invoice["amount"])
        total["invoiced_before_tax"] += sum(money(line["amount"]) for line in invoice["lines"])
        total["invoiced_before_tax"] += money(invoice["discount_total"])
    for account, payment in received.living("payments"):
        total = totals[account, payment["clientid"], payment["amount"]["code"], payment["date"][:7]]
        total["payments"] += 1
        total["paid_from_credit" if payment["from_credit"] or payment["creditid"] else "paid"] += money(
            payment["amount"])
    names = ["invoices", "invoiced", "invoiced_before_tax", "payments", "paid", "paid_from_credit"]
    seen = {(row["account_id"], row["client_id"], row["currency"], str(row["month"])[:7]): {
        name: row[name] for name in names} for row in rows(db, "FROM revenue_by_client")}
    expected = {key: {name: total[name] for name in names} for key, total in totals.items()}
    assert len(seen) > 30 and seen == expected


def test_unbilled_time(lake):
    db, received = lake
    projects = {(whose, project["id"]): project for whose, project in received.living("projects")}
    totals = defaultdict(lambda: [0, 0])
    for whose, entry in received.living("time_entries"):
        if entry["billable"] and entry["is_logged"] and not entry["billed"] and not entry["internal"]:
            project = projects.get((whose, entry["project_id"]), {})
            hourly = project.get("project_type") == "hourly_rate" and project["billing_method"] == "project_rate"
            rate = Decimal(project["rate"]) if hourly and project["rate"] is not None else None
            total = totals[whose, entry["client_id"] or project.get("client_id"), entry["project_id"],
                           entry["service_id"], entry["identity_id"], rate]
            total[0] += 1
            total[1] += entry["duration"]
    seen = {(row["business_id"], row["client_id"], row["project_id"], row["service_id"], row["identity_id"],
             row["rate"]): [row["entries"], row["seconds"]] for row in rows(db, "FROM unbilled_time")}
    assert len(seen) > 5 and seen == totals and any(key[-1] for key in seen)
    for row in rows(db, "FROM unbilled_time WHERE rate IS NOT NULL"):
        # Exact thirds of a cent are no money: the hours have four decimals, and the value two.
        assert abs(row["value"] - Decimal(row["seconds"]) / 3600 * row["rate"]) <= Decimal("0.01")


def test_days_sales_outstanding(lake):
    db, received = lake
    found = rows(db, "FROM days_sales_outstanding WHERE receivable <> 0 OR invoiced <> 0")
    assert len(found) > 10
    for row in found:
        month = row["month"].date() if isinstance(row["month"], datetime) else row["month"]
        days = calendar.monthrange(month.year, month.month)[1]
        mine = [(invoice, balance) for account, invoice, balance in balances(received, month.replace(day=days))
                if (account, invoice["amount"]["code"]) == (row["account_id"], row["currency"])]
        owed = sum((balance for _, balance in mine if balance > 0), Decimal(0))
        sold = sum((money(invoice["amount"]) for invoice, _ in mine if invoice["create_date"][:7] == str(month)[:7]),
                   Decimal(0))
        assert (row["days"], row["receivable"], row["invoiced"]) == (days, owed, sold)
        assert row["dso_days"] == (round(owed * days / sold, 1) if sold else None) or (
            abs(row["dso_days"] - owed * days / sold) <= Decimal("0.05"))


def test_every_balance_is_what_freshbooks_says_is_outstanding(demo):
    db, received = demo
    assert rows(db, "FROM receivables_differences") == []
    told = defaultdict(Decimal)
    for account, invoice, balance in balances(received, datetime.now(UTC).date()):
        assert max(balance, Decimal(0)) == money(invoice["outstanding"])
        told[account, invoice["amount"]["code"]] += money(invoice["outstanding"])
    summed = defaultdict(Decimal)
    for row in rows(db, "FROM receivables_aging"):
        summed[row["account_id"], row["currency"]] += row["outstanding"]
    assert len(summed) > 5 and {key: total for key, total in told.items() if total} == summed


def test_a_balance_that_freshbooks_disagrees_with_is_told(changed):
    db, received = changed
    expected = {(account, invoice["id"]) for account, invoice, balance in balances(received, date.max)
                if max(balance, Decimal(0)) != money(invoice["outstanding"])}
    seen = {(row["account_id"], row["invoice_id"]) for row in rows(db, "FROM receivables_differences")}
    assert seen == expected and seen
