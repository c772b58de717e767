"""What the views about money say of small books, worked out by hand; and that a wrong view is noticed."""

from datetime import date
from decimal import Decimal

import pytest

from books import CREATE_VIEWS, add, empty_lake, make_views, rows

TEXTS = CREATE_VIEWS.texts() | CREATE_VIEWS.prepared()


def money(column, amount, code):
    return {column: Decimal(amount), f"{column}_code": code}


def plain(number):
    return format(number.normalize(), "f")


class Books:
    """Two accounts. Account A bills in CAD and USD, account B has the same ids and means others."""

    def __init__(self):
        self.db, self.payments, self.entries = empty_lake(), 0, 0
        self.client("A", 1, organization="Alder & Co.", fname="Ann", lname="Alder")
        self.client("A", 2, organization="", fname="Bea", lname="Beech", _is_deleted=True)
        self.client("B", 1, organization="Cedar")

    def client(self, account, key, **columns):
        add(self.db, "clients", _account_id=account, id=key, **{"_is_deleted": False, **columns})

    def invoice(self, key, amount, created, due, account="A", client=1, code="CAD", outstanding="0", **columns):
        columns = {"status": 2, "vis_state": 0, "_is_deleted": False, **columns}
        add(self.db, "invoices", _account_id=account, id=key, customerid=client, create_date=created, due_date=due,
            **money("amount", amount, code), **money("outstanding", outstanding, code), **columns)

    def line(self, invoice, amount, account="A", code="CAD", **columns):
        add(self.db, "invoice_lines", _account_id=account, invoiceid=invoice,
            **money("amount", amount, code), **{"_is_deleted": False, **columns})

    def pay(self, invoice, amount, day, account="A", client=1, code="CAD", **columns):
        self.payments += 1
        columns = {"from_credit": False, "_is_deleted": False, **columns}
        add(self.db, "payments", _account_id=account, id=self.payments, invoiceid=invoice, clientid=client, date=day,
            **money("amount", amount, code), **columns)

    def project(self, key, business=10, **columns):
        columns = {"project_type": "hourly_rate", "billing_method": "project_rate", "_is_deleted": False, **columns}
        add(self.db, "projects", _business_id=business, id=key, **columns)

    def entry(self, seconds, project=None, business=10, **columns):
        self.entries += 1
        columns = {"billable": True, "billed": False, "internal": False, "is_logged": True, "active": True,
                   "identity_id": 7, "started_at": "2026-03-02 09:00:00+00", "_is_deleted": False, **columns}
        add(self.db, "time_entries", _business_id=business, id=self.entries, project_id=project, duration=seconds,
            **columns)


def receivables():
    books = Books()
    # Due on 31 March, and paid in part; the same number in account B is another invoice.
    books.invoice(1, "100.00", "2026-03-01", "2026-03-31", outstanding="60.00", status=8)
    books.pay(1, "25.00", "2026-03-10")
    books.pay(1, "15.00", "2026-04-01")
    books.pay(1, "7.00", "2026-03-11", _is_deleted=True)
    books.pay(1, "3.00", "2026-03-12", code="USD")
    books.invoice(1, "500.00", "2026-02-01", "2026-02-28", account="B", outstanding="500.00")
    # Paid too much; the excess became a credit, which pays a part of the next one.
    books.invoice(2, "40.00", "2026-01-15", "2026-02-14", status=4)
    books.pay(2, "50.00", "2026-02-01")
    books.invoice(3, "30.00", "2026-01-20", "2026-01-29", outstanding="20.00", status=8)
    books.pay(3, "10.00", "2026-02-02", from_credit=True, creditid=9, type="Credit")
    # Not owed: a draft, and an invoice that was deleted, with what was paid for it.
    books.invoice(4, "1000.00", "2026-01-01", "2026-01-31", outstanding="1000.00", status=1, v3_status="draft")
    books.invoice(5, "2000.00", "2026-01-01", "2026-01-31", outstanding="1500.00", _is_deleted=True, vis_state=1)
    books.pay(5, "500.00", "2026-01-02")
    # Another currency of the same client, and archived.
    books.invoice(6, "70.00", "2026-01-10", "2026-02-09", code="USD", outstanding="70.00", vis_state=2)
    # Without a due date: 10 days after its date; without that either, on its date.
    books.invoice(7, "11.00", "2026-03-01", None, client=2, due_offset_days=10, outstanding="11.00")
    books.invoice(8, "13.00", "2026-03-01", None, client=2, outstanding="13.00")
    # Paid before its own date.
    books.invoice(9, "17.00", "2026-04-15", "2026-05-15", client=2, outstanding="12.00", status=8)
    books.pay(9, "5.00", "2026-03-20", client=2)
    # Paid by a credit alone, and a payment of an invoice that is not in the lake.
    books.invoice(10, "19.00", "2026-02-10", "2026-03-12", client=2, status=4)
    books.pay(10, "19.00", "2026-04-10", client=2, creditid=8, from_credit=None)
    books.pay(404, "99.00", "2026-02-02")
    return books


BUCKETS = ["not_due", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90", "outstanding", "credit_balance"]


def aging(books, day, changed):
    query = changed.get("receivables_aging_as_of", TEXTS["receivables_aging_as_of"])
    found = {}
    for row in rows(books.db, query, [day]):
        assert str(row["as_of"]) == day
        key = row["account_id"], row["client"], row["currency"]
        assert key not in found
        found[key] = row["invoices"], *(plain(row[bucket]) for bucket in BUCKETS)
    return found


def check_receivables(changed):
    books = receivables()
    make_views(books.db, "receivables_aging", changed=changed)
    alder, beech, cedar = ("A", "Alder & Co.", "CAD"), ("A", "Bea Beech", "CAD"), ("B", "Cedar", "CAD")
    dollars = "A", "Alder & Co.", "USD"
    # On its due date invoice 1 is not overdue. Invoice 3 is 61 days past due, 6 is 50, B's is 31, 10 is 19; 7 is
    # 20 and 8 is 30. The payment of 1 April is to come; 9 is not there yet, nor what was paid for it.
    assert aging(books, "2026-03-31", changed) == {
        alder: (2, "75", "0", "0", "20", "0", "95", "10"),
        dollars: (1, "0", "0", "70", "0", "0", "70", "0"),
        beech: (3, "0", "43", "0", "0", "0", "43", "0"),
        cedar: (1, "0", "0", "500", "0", "0", "500", "0")}
    # A day later 1 is overdue and 15 are paid; 8 is 31 days past due.
    assert aging(books, "2026-04-01", changed)[alder] == (2, "0", "60", "0", "20", "0", "80", "10")
    assert aging(books, "2026-04-01", changed)[beech] == (3, "0", "30", "13", "0", "0", "43", "0")
    # The 60th, 61st, 90th and 91st day of invoice 3, due on 29 January.
    third = {day: aging(books, day, changed)[alder][3:6] for day in ("2026-03-30", "2026-04-29", "2026-04-30")}
    assert third == {"2026-03-30": ("20", "0", "0"), "2026-04-29": ("0", "20", "0"), "2026-04-30": ("0", "0", "20")}
    # 9 is there, less what was paid before; 10 was paid by a credit.
    assert aging(books, "2026-04-15", changed)[beech] == (3, "12", "0", "24", "0", "0", "36", "0")
    # Before the excess was paid, and before the credit was used.
    assert aging(books, "2026-01-31", changed)[alder] == (2, "40", "30", "0", "0", "0", "70", "0")
    assert aging(books, "2025-12-31", changed) == {}


def check_today(changed):
    books = Books()
    [[yesterday, today, tomorrow]] = books.db.execute(
        "SELECT current_date - 1, current_date, current_date + 1").fetchall()
    books.invoice(1, "5.00", yesterday, yesterday)
    books.invoice(2, "7.00", yesterday, today)
    books.invoice(3, "11.00", tomorrow, tomorrow)
    books.pay(1, "2.00", today)
    books.pay(2, "3.00", tomorrow)
    make_views(books.db, "receivables_aging", changed=changed)
    [row] = rows(books.db, "FROM receivables_aging")
    told = ["as_of", "invoices", "not_due", "days_1_to_30", "outstanding"]
    assert [row[name] for name in told] == [today, 2, 7, 3, 10]


def check_movements(changed):
    books = receivables()
    make_views(books.db, "receivable_movements", changed=changed)
    seen = {(row["account_id"], row["invoice_id"], row["kind"], row["payment_id"], str(row["day"]),
             str(row["due_date"]), plain(row["amount"])) for row in rows(books.db, "FROM receivable_movements")}
    assert len(seen) == 15
    assert {row[1:] for row in seen if row[0] == "A" and row[1] in (1, 7, 9, 10)} == {
        (1, "invoice", None, "2026-03-01", "2026-03-31", "100"),
        (1, "payment", 1, "2026-03-10", "2026-03-31", "-25"),
        (1, "payment", 2, "2026-04-01", "2026-03-31", "-15"),
        (7, "invoice", None, "2026-03-01", "2026-03-11", "11"),
        (9, "invoice", None, "2026-04-15", "2026-05-15", "17"),
        (9, "payment", 8, "2026-04-15", "2026-05-15", "-5"),
        (10, "invoice", None, "2026-02-10", "2026-03-12", "19"),
        (10, "credit", 9, "2026-04-10", "2026-03-12", "-19")}


def check_differences(changed):
    books = receivables()
    # An invoice with a payment that the lake lacks, one without a date, and one whose payment is in another currency.
    books.invoice(20, "100.00", "2026-03-01", "2026-03-31", outstanding="90.00")
    books.invoice(21, "100.00", None, "2026-03-31", outstanding="100.00")
    books.invoice(22, "100.00", "2026-03-01", "2026-03-31", outstanding="50.00")
    books.pay(22, "50.00", "2026-03-02", code="USD")
    make_views(books.db, "receivables_differences", changed=changed)
    seen = {row["invoice_id"]: (row["account_id"], row["currency"], row["outstanding"], row["balance"])
            for row in rows(books.db, "FROM receivables_differences")}
    assert seen == {20: ("A", "CAD", 90, 100), 21: ("A", "CAD", 100, None), 22: ("A", "CAD", 50, 100)}


def check_revenue(changed):
    books = receivables()
    # Of 100, 88.50 are the lines: 40 and 50 less a discount of 1.50. A line of an earlier version does not count.
    books.db.execute("""
        UPDATE invoices SET discount_total = -1.50, discount_total_code = 'CAD' WHERE _account_id = 'A' AND id = 1""")
    books.line(1, "40.00")
    books.line(1, "50.00")
    books.line(1, "8.00", _is_deleted=True)
    books.line(1, "450.00", account="B")
    books.line(2, "40.00")
    make_views(books.db, "revenue_by_client", changed=changed)
    seen = {}
    for row in rows(books.db, "FROM revenue_by_client"):
        key = str(row["month"])[:7], row["account_id"], row["client"], row["currency"]
        assert row["month"].day == 1 and key not in seen
        told = (row[name] for name in ("invoiced", "invoiced_before_tax", "paid", "paid_from_credit"))
        seen[key] = row["invoices"], row["payments"], *(None if total is None else plain(total) for total in told)
    alder, beech = ("A", "Alder & Co."), ("A", "Bea Beech")
    assert seen == {
        # Invoice 3 has no lines in the lake, so what the month was before tax is not known. 500 were paid for 5.
        ("2026-01", *alder, "CAD"): (2, 1, "70", None, "500", "0"),
        ("2026-01", *alder, "USD"): (1, 0, "70", None, "0", "0"),
        ("2026-02", "B", "Cedar", "CAD"): (1, 0, "500", "450", "0", "0"),
        ("2026-02", *alder, "CAD"): (0, 3, "0", "0", "149", "10"),
        ("2026-02", *beech, "CAD"): (1, 0, "19", None, "0", "0"),
        ("2026-03", *alder, "CAD"): (1, 1, "100", "88.5", "25", "0"),
        ("2026-03", *alder, "USD"): (0, 1, "0", "0", "3", "0"),
        ("2026-03", *beech, "CAD"): (2, 1, "24", None, "5", "0"),
        ("2026-04", *alder, "CAD"): (0, 1, "0", "0", "15", "0"),
        ("2026-04", *beech, "CAD"): (1, 1, "17", None, "0", "19")}


def check_unbilled(changed):
    books = Books()
    for business, account in [(10, "A"), (20, None)]:
        add(books.db, "business_memberships", identity_id=7, id=business, business_id=business, account_id=account,
            _is_deleted=False)
    books.project(1, client_id=1, title="Site", rate=Decimal("90.5"))
    books.project(1, business=20, client_id=1, title="Elsewhere", rate=Decimal("1000"))
    books.project(2, client_id=2, title="By person", billing_method="team_member_rate", rate=Decimal("60"))
    books.project(3, client_id=1, title="Fixed", project_type="fixed_price", fixed_price=Decimal("9000"), rate=None)
    add(books.db, "services", _business_id=10, id=5, name="Design", _is_deleted=False)
    # An hour and a third of an hour, by two people.
    books.entry(3600, 1, service_id=5, started_at="2026-03-03 09:00:00+00")
    books.entry(1200, 1, service_id=5)
    books.entry(900, 1, service_id=5, identity_id=8)
    # None of these may be billed, any more, or yet.
    for reason in [{"billable": False}, {"billed": True}, {"internal": True}, {"is_logged": False},
                   {"_is_deleted": True, "active": False}]:
        books.entry(7200, 1, service_id=5, **reason)
    # No rate is known: of a person, of a fixed price, in a retainer, without a project.
    books.entry(3600, 2)
    books.entry(3600, 3, client_id=0)
    books.entry(3600, 1, retainer_id=4)
    books.entry(1800, None, client_id=1, billed=None, internal=None)
    books.entry(3600, 1, business=20)
    make_views(books.db, "unbilled_time", changed=changed)
    seen = sorted((row["business_id"], row["project"] or "", row["service"] or "", row["client"] or "",
                   row["identity_id"], row["entries"], row["seconds"], str(row["hours"]), str(row["value"]),
                   str(row["oldest_started_at"])) for row in rows(books.db, "FROM unbilled_time"))
    start = "2026-03-02 09:00:00"
    assert seen == [
        (10, "", "", "Alder & Co.", 7, 1, 1800, "0.5000", "None", start),
        (10, "By person", "", "Bea Beech", 7, 1, 3600, "1.0000", "None", start),
        (10, "Fixed", "", "Alder & Co.", 7, 1, 3600, "1.0000", "None", start),
        (10, "Site", "", "Alder & Co.", 7, 1, 3600, "1.0000", "None", start),
        # 1.3333 hours at 90.50 are 120.66, a quarter of an hour 22.63 (22.625).
        (10, "Site", "Design", "Alder & Co.", 7, 2, 4800, "1.3333", "120.66", start),
        (10, "Site", "Design", "Alder & Co.", 8, 1, 900, "0.2500", "22.63", start),
        (20, "Elsewhere", "", "", 7, 1, 3600, "1.0000", "1000.00", start)]


def check_dso(changed):
    books = receivables()
    [[this_month]] = books.db.execute("SELECT CAST(date_trunc('month', current_date) AS DATE)").fetchall()
    make_views(books.db, "days_sales_outstanding", changed=changed)
    seen = {}
    for row in rows(books.db, "FROM days_sales_outstanding ORDER BY month"):
        told = plain(row["receivable"]), plain(row["invoiced"]), str(row["dso_days"])
        seen.setdefault((row["account_id"], row["currency"]), {})[row["month"]] = row["days"], *told
    canadian = seen["A", "CAD"]
    assert list(seen) and set(seen) == {("A", "CAD"), ("A", "USD"), ("B", "CAD")}
    # January: 40 and 30 are owed of 70. February: 20 and 19 of 19. March: 75, 20 and 43 of 124. April: 60, 20, 24 and
    # 12 of 17; May has no sales.
    first = {date(2026, 1, 1): (31, "70", "70", "31.0"), date(2026, 2, 1): (28, "39", "19", "57.5"),
             date(2026, 3, 1): (31, "138", "124", "34.5"), date(2026, 4, 1): (30, "116", "17", "204.7"),
             date(2026, 5, 1): (31, "116", "0", "None")}
    assert {month: canadian[month] for month in first} == first
    assert seen["A", "USD"][date(2026, 2, 1)] == (28, "70", "0", "None")
    # Every month that has ended, and no other.
    months = list(canadian)
    assert len(months) == (this_month.year - 2026) * 12 + this_month.month - 1 and max(months) < this_month


CHECKS = {
    "receivable_movements": check_movements,
    "receivables_aging": check_today,
    "receivables_aging_as_of": check_receivables,
    "receivables_differences": check_differences,
    "revenue_by_client": check_revenue,
    "unbilled_time": check_unbilled,
    "days_sales_outstanding": check_dso,
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_view_says_what_was_worked_out_by_hand(name):
    CHECKS[name]({})


MISTAKES = {
    "receivable_movements": [
        ("WHERE NOT _is_deleted AND status", "WHERE status"),
        ("AND status IS DISTINCT FROM 1 ", ""),
        ("CAST(create_date + due_offset_days * INTERVAL '1' DAY AS DATE), ", ""),
        ("greatest(paid.\"date\", owed.create_date)", "paid.\"date\""),
        ("ON paid._account_id = owed.account_id\n    AND", "ON"),
        ("    AND paid.amount_code = owed.currency\n", ""),
        ("WHERE NOT paid._is_deleted AND", "WHERE"),
        ("-paid.amount", "paid.amount"),
        (" OR paid.creditid <> 0", ""),
    ],
    "receivables_aging": [
        ("movement.day <= chosen.day", "movement.day < chosen.day"),
        ("JOIN chosen ON movement.day <= chosen.day", "CROSS JOIN chosen"),
    ],
    "receivables_aging_as_of": [
        ("movement.day <= chosen.day", "movement.day < chosen.day"),
        ("JOIN chosen ON movement.day <= chosen.day", "CROSS JOIN chosen"),
        ("days_past_due <= 0", "days_past_due < 0"),
        ("BETWEEN 1 AND 30", "BETWEEN 0 AND 30"),
        ("BETWEEN 1 AND 30", "BETWEEN 1 AND 29"),
        ("BETWEEN 31 AND 60", "BETWEEN 31 AND 61"),
        ("BETWEEN 61 AND 90", "BETWEEN 61 AND 91"),
        ("days_past_due > 90", "days_past_due >= 90"),
        ("sum(CASE WHEN balance > 0 THEN balance ELSE 0 END) AS outstanding", "sum(balance) AS outstanding"),
        ("THEN -balance", "THEN balance"),
        ("movement.client_id, movement.currency, movement.invoice_id, movement.due_date", "movement.client_id, "
         "movement.currency, movement.invoice_id, movement.due_date, movement.kind"),
        ("clients._account_id = balances.account_id AND ", ""),
    ],
    "receivables_differences": [
        ("AND balances.invoice_id = invoices.id", ""),
        ("LEFT JOIN balances", "JOIN balances"),
        ("NOT invoices._is_deleted", "TRUE"),
        ("    AND invoices.status IS DISTINCT FROM 1\n", ""),
        ("CASE WHEN balances.balance < 0 THEN 0 ELSE balances.balance END", "balances.balance"),
    ],
    "revenue_by_client": [
        ("WHERE NOT invoices._is_deleted AND", "WHERE"),
        (" AND invoices.status IS DISTINCT FROM 1", ""),
        ("    WHERE NOT _is_deleted\n    GROUP", "    GROUP"),
        ("    FROM payments\n    WHERE NOT _is_deleted", "    FROM payments"),
        (" + coalesce(invoices.discount_total, 0)", ""),
        ("CASE WHEN count(*) = count(counted.invoiced_before_tax) THEN sum(counted.invoiced_before_tax) END",
         "sum(counted.invoiced_before_tax)"),
        ("CASE WHEN from_credit OR creditid <> 0 THEN 0 ELSE amount END", "amount"),
        ("CASE WHEN from_credit OR creditid <> 0 THEN amount ELSE 0 END", "amount"),
        ("ON lines.account_id = invoices._account_id\n        AND", "ON"),
    ],
    "unbilled_time": [
        ("WHERE entry.billable AND", "WHERE"),
        ("AND NOT entry._is_deleted ", ""),
        ("AND entry.is_logged", ""),
        ("AND NOT coalesce(entry.billed, FALSE) ", ""),
        ("coalesce(entry.internal, FALSE)", "entry.internal"),
        ("AND NOT coalesce(entry.internal, FALSE)", ""),
        ("project._business_id = entry._business_id AND ", ""),
        ("AND project.billing_method = 'project_rate'", ""),
        ("AND coalesce(entry.retainer_id, project.retainer_id, 0) = 0 ", ""),
        ("nullif(entry.client_id, 0)", "entry.client_id"),
        ("/ 3600", "/ 60"),
        ("min(started_at)", "max(started_at)"),
        ("clients._account_id = memberships.account_id AND ", ""),
    ],
    "days_sales_outstanding": [
        ("movement.day < months.next_month", "movement.day <= months.next_month"),
        ("movement.kind = 'invoice' AND ", ""),
        (" AND movement.day >= months.month", ""),
        ("movement.invoice_id\n", "movement.account_id\n"),
        ("        AND movement.currency = months.currency\n", ""),
        ("WHERE months.next_month <= current_date", ""),
        ("receivable * days / invoiced", "receivable / invoiced"),
        ("CASE WHEN balance > 0 THEN balance ELSE 0 END", "balance"),
    ],
}


@pytest.mark.parametrize("name, right, wrong", [(name, *pair) for name, pairs in MISTAKES.items() for pair in pairs])
def test_a_mistake_in_a_view_is_noticed(name, right, wrong):
    assert right in TEXTS[name]
    with pytest.raises(AssertionError):
        CHECKS[name]({name: TEXTS[name].replace(right, wrong)})
