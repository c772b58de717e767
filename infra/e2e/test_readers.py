"""DuckDB and pyarrow read every table, and agree with what the simulator says there is: to the last digit."""

import json
import os
import re
import subprocess
from decimal import Decimal

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cloud import ROOT

UNIT = {"account": "_account_id", "business": "_business_id"}
NOTHING = {"rows": 0, "sums": {}, "dates": {}, "nulls": {}}


@pytest.fixture(scope="module")
def declared():
    """Every table that is read unasked, by its name."""
    done = subprocess.run([freshlake(), "tables", "--format", "json"], capture_output=True, text=True, timeout=60)
    return {table["name"]: table for table in json.loads(done.stdout) if not table["on_request"]}


@pytest.fixture(scope="module")
def pulled(simulator, tmp_path_factory):
    """Everything, as plain Parquet."""
    out = tmp_path_factory.mktemp("pull") / "out"
    token = simulator.control("POST", "token", {})
    token = token.get("access_token") or token["token"]
    done = subprocess.run([freshlake(), "pull", "--out", out], capture_output=True, text=True,
                          env={"FRESHBOOKS_ACCESS_TOKEN": token, "FRESHBOOKS_API_URL": simulator.url}, timeout=300)
    assert done.returncode == 0, done.stderr
    return out


def freshlake():
    return f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/release/freshlake"


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


def compare(reader, truth, rows, table):
    """What `reader` sees against what there is; returns how many figures were compared."""
    figures = 1
    assert reader.rows() == rows, table
    for key, sums in truth["sums"].items():
        column = column_of(key)
        assert column in reader.columns, f"no column for {key} of {table}"
        if f"{column}_code" in reader.columns:
            assert reader.codes(column) == set(sums), (table, key)
        for code, total in sums.items():
            assert Decimal(reader.total(column, code)) == Decimal(total), (table, key, code)
            figures += 1
    for key, span in truth["dates"].items():
        column = column_of(key)
        if f"{column}_text" in reader.columns:
            column += "_text"
        if column in reader.columns:
            assert reader.span(column) == tuple(span), (table, key)
            figures += 1
    for key, nulls in truth["nulls"].items():
        column = column_of(key)
        if column in reader.columns:
            assert reader.nulls(column) == nulls, (table, key)
            figures += 1
    return figures


def told(simulator, table):
    """What there is of a table, by the condition that finds its rows; nothing where nobody tells."""
    if table["belongs_to"] == "person":
        return {}
    found = {}
    for business in simulator.businesses:
        of = "account" if table["belongs_to"] == "account" else "business"
        value = f"'{business['account_id']}'" if of == "account" else business["business_id"]
        answer = simulator.ask("GET", f"truth/{business['account_id']}/{table['name']}")
        if answer is not None:
            found[f"{UNIT[of]} = {value}"] = answer
    return found


@pytest.mark.parametrize("reader", [DuckDb, PyArrow])
def test_every_reader_agrees_with_the_truth(simulator, pulled, declared, reader):
    compared = {}
    for name, table in declared.items():
        for where, truth in told(simulator, table).items():
            vanished = truth.get("states", {}).get("deleted", 0) if table["deleted"] == "vanish" else 0
            children = {child["name"]: child["source"] for child in table["children"]}
            if vanished:
                # The truth sums rows that nobody can list: only the count can be compared.
                truth, children = {"rows": truth["rows"], "sums": {}, "dates": {}, "nulls": {}}, {}
            parent = reader(pulled / name / "*.parquet", where)
            compared[name] = compared.get(name, 0) + compare(parent, truth, truth["rows"] - vanished, name)
            for child, source in children.items():
                lines = truth
                for key in source.split("."):
                    lines = lines.get("children", {}).get(key, NOTHING)
                of_child = reader(pulled / child / "*.parquet", where)
                compared[child] = compared.get(child, 0) + compare(of_child, lines, lines["rows"], child)
    assert len(compared) >= 50 and sum(compared.values()) > 700, compared


def test_keys_are_unique_and_never_null(pulled, declared):
    for name, table in declared.items():
        for each in [table, *table["children"]]:
            files = str(pulled / each["name"] / "*.parquet")
            unit = [UNIT[table["belongs_to"]]] if table["belongs_to"] in UNIT else []
            # Some lines have no number of their own, or share one: the position tells them apart.
            key = [*each["key"], *(["_position"] if each is not table and "_position" not in each["key"] else [])]
            columns = [f'"{column}"' for column in unit + key]
            rows, distinct = duckdb.execute(
                f"SELECT count(*), count(DISTINCT ({', '.join(columns)})) FROM read_parquet('{files}')").fetchone()
            assert rows == distinct, each["name"]
            for column in [f'"{column}"' for column in unit + (key if each is table else [key[0], key[-1]])]:
                nulls = duckdb.execute(
                    f"SELECT count(*) FROM read_parquet('{files}') WHERE {column} IS NULL").fetchone()[0]
                assert nulls == 0, (each["name"], column)


def test_every_table_is_there_with_its_columns(pulled, declared):
    for table in declared.values():
        for each in [table, *table["children"]]:
            here = str(pulled / each["name"] / "*.parquet")
            rows = duckdb.execute(f"SELECT count(*) FROM read_parquet('{here}')").fetchone()[0]
            read = pq.read_table(pulled / each["name"])
            assert rows == read.num_rows, each["name"]
            assert rows > 0 or each["name"] == "bill_attachments", each["name"]
            wanted = [column["name"] for column in each["columns"] if column["name"] != "_raw"]
            assert [name for name in read.column_names if name != "_raw"] == wanted, each["name"]
    rows = {name: pq.read_table(pulled / name).num_rows for name in ("users_me", "business_memberships")}
    assert rows == {"users_me": 1, "business_memberships": 2}


def test_a_profit_and_loss_report_adds_up(pulled):
    here = str(pulled / "report_profitloss_entity" / "*.parquet")
    sums = duckdb.execute(f"""
        SELECT sum(total) FILTER (WHERE section = 'net_profit'),
               sum(total) FILTER (WHERE section = 'total_income') - sum(total) FILTER (WHERE section = 'total_expenses')
        FROM read_parquet('{here}') GROUP BY _account_id""").fetchall()
    assert sums and all(net == difference for net, difference in sums)
