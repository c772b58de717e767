"""DuckDB and pyarrow read every table, and agree with what the simulator says there is: to the last digit."""

import os
import re
import subprocess
from decimal import Decimal

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cloud import ROOT

# Rows that a list never shows once they are deleted, and so cannot be read.
VANISHING = {"taxes", "projects", "services"}
CHILDREN = {
    "invoices": ("lines", "invoice_lines"),
    "estimates": ("lines", "estimate_lines"),
    "credit_notes": ("lines", "credit_note_lines"),
    "bills": ("lines", "bill_lines"),
    "projects": ("services", "project_services"),
}
TABLES = ["clients", "invoices", "estimates", "payments", "credit_notes", "expenses", "bills", "items", "taxes",
          "projects", "time_entries", "services"]


@pytest.fixture(scope="module")
def pulled(simulator, tmp_path_factory):
    """Everything, as plain Parquet."""
    out = tmp_path_factory.mktemp("pull") / "out"
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    token = simulator.control("POST", "token", {})
    token = token.get("access_token") or token["token"]
    done = subprocess.run([f"{target}/release/freshlake", "pull", "--out", out], capture_output=True, text=True,
                          env={"FRESHBOOKS_ACCESS_TOKEN": token, "FRESHBOOKS_API_URL": simulator.url}, timeout=300)
    assert done.returncode == 0, done.stderr
    return out


def column_of(key):
    """The lake's name of a FreshBooks key: taxAmount1 is tax_amount1."""
    return re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), key)


class DuckDb:
    def __init__(self, files, where):
        self.db = duckdb.connect()
        self.db.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet('{files}') WHERE {where}")
        self.columns = {name: kind for name, kind, *_ in self.db.execute("DESCRIBE t").fetchall()}

    def one(self, expression):
        return self.db.execute(f"SELECT {expression} FROM t").fetchone()[0]

    def rows(self):
        return self.one("count(*)")

    def total(self, column, code):
        where = f"FILTER (WHERE {column}_code = '{code}')" if code else ""
        return self.one(f'coalesce(sum("{column}") {where}, 0)')

    def codes(self, column):
        found = self.db.execute(f'SELECT DISTINCT {column}_code FROM t WHERE "{column}" IS NOT NULL').fetchall()
        return {code or "" for (code,) in found}

    def span(self, column):
        return str(self.one(f'min("{column}")')), str(self.one(f'max("{column}")'))

    def nulls(self, column):
        return self.one(f'count(*) - count("{column}")')


class PyArrow:
    def __init__(self, files, where):
        name, value = where.split(" = ")
        table = pq.read_table(files.parent)
        value = value.strip("'") if "'" in value else int(value)
        self.table = table.filter(pc.equal(table[name], value))
        self.columns = dict.fromkeys(self.table.column_names)

    def rows(self):
        return self.table.num_rows

    def total(self, column, code):
        table = self.table
        if code:
            table = table.filter(pc.equal(table[f"{column}_code"], code))
        return pc.sum(table[column]).as_py() or 0

    def codes(self, column):
        held = self.table.filter(pc.is_valid(self.table[column]))
        return {code or "" for code in pc.unique(held[f"{column}_code"]).to_pylist()}

    def span(self, column):
        ends = pc.min_max(self.table[column]).as_py()
        return str(ends["min"]), str(ends["max"])

    def nulls(self, column):
        return self.table[column].null_count


def compare(reader, truth, rows):
    """What `reader` sees against what there is; returns how many figures were compared."""
    figures = 1
    assert reader.rows() == rows
    for key, sums in truth["sums"].items():
        column = column_of(key)
        assert column in reader.columns, f"no column for {key}"
        if f"{column}_code" in reader.columns:
            assert reader.codes(column) == set(sums), key
        for code, total in sums.items():
            assert Decimal(reader.total(column, code)) == Decimal(total), (key, code)
            figures += 1
    for key, span in truth["dates"].items():
        column = column_of(key)
        if f"{column}_text" in reader.columns:
            column += "_text"
        if column in reader.columns:
            assert reader.span(column) == tuple(span), key
            figures += 1
    for key, nulls in truth["nulls"].items():
        column = column_of(key)
        if column in reader.columns:
            assert reader.nulls(column) == nulls, key
            figures += 1
    return figures


@pytest.mark.parametrize("reader", [DuckDb, PyArrow])
@pytest.mark.parametrize("table", TABLES)
def test_every_reader_agrees_with_the_truth(simulator, pulled, table, reader):
    figures = 0
    for business in simulator.businesses:
        if table in ("projects", "time_entries", "services"):
            where = f"_business_id = {business['business_id']}"
        else:
            where = f"_account_id = '{business['account_id']}'"
        truth = simulator.truth(business["account_id"], table)
        vanished = truth["states"].get("deleted", 0) if table in VANISHING else 0
        if vanished:
            # The truth sums rows that nobody can list: only the count can be compared.
            truth = {"rows": truth["rows"], "sums": {}, "dates": {}, "nulls": {}, "children": truth.get("children", {})}
        figures += compare(reader(pulled / table / "*.parquet", where), truth, truth["rows"] - vanished)
        if table in CHILDREN and not vanished:
            key, child = CHILDREN[table]
            lines = truth["children"][key]
            figures += compare(reader(pulled / child / "*.parquet", where), lines, lines["rows"])
    assert figures > 1


@pytest.mark.parametrize("table", ["users_me", "business_memberships", "report_profitloss_entity"])
def test_the_tables_without_a_list_are_there_too(pulled, table):
    here = str(pulled / table / "*.parquet")
    rows = duckdb.execute(f"SELECT count(*) FROM read_parquet('{here}')").fetchone()[0]
    assert rows == pq.read_table(pulled / table).num_rows
    expected = {"users_me": 1, "business_memberships": 2}
    assert rows == expected.get(table, rows) and rows > 0


def test_a_profit_and_loss_report_adds_up(pulled):
    here = str(pulled / "report_profitloss_entity" / "*.parquet")
    sums = duckdb.execute(f"""
        SELECT sum(total) FILTER (WHERE section = 'net_profit'),
               sum(total) FILTER (WHERE section = 'total_income') - sum(total) FILTER (WHERE section = 'total_expenses')
        FROM read_parquet('{here}') GROUP BY _account_id""").fetchall()
    assert sums and all(net == difference for net, difference in sums)
