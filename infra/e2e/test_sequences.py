"""Lakes after random sequences of commits, new columns, rebuilding and death: DuckDB, PyIceberg and chDB read what the simulation
says that each version shows, row by row, and agree on the types."""

import json
import os
import subprocess
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import chdb
import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow as pa
import pytest
from pyiceberg.table import StaticTable

from cloud import ROOT
from test_tables import kind

SEQUENCES = 100
COLUMNS = {
    "invoices": ["_account_id", "id", "0", "invoice_number", "_is_deleted", "vat_number"],
    "invoice_lines": ["_account_id", "invoiceid", "_position", "name", "_is_deleted", "description"],
}


@pytest.fixture(scope="module")
def lakes():
    """A folder for each sequence, with `truth.jsonl`: a line per version."""
    subprocess.run(["cargo", "test", "--locked", "--workspace", "--test", "sequences", "--", "--ignored"], cwd=ROOT,
                   check=True, timeout=1800)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    folders = sorted((target / "tmp/sequences").iterdir())
    assert len(folders) == SEQUENCES
    return folders


@pytest.fixture(scope="module")
def db():
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        db.load_extension(str(next(Path(package.__path__[0]).rglob("*.duckdb_extension"))))
    db.execute("SET TimeZone = 'UTC'")
    return db


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def rows(table, read):
    """The rows of a pyarrow table as the truth tells them; a column that the version does not know is null."""
    found = []
    for row in read.to_pylist():
        assert_typed(table, row)
        found.append([text(row.get(name)) if name != "0" else 0 for name in COLUMNS[table]])
    return sorted(found, key=lambda row: row[:3])


def assert_typed(table, row):
    if table == "invoices":
        assert row["amount"] == row["id"] + Decimal("0.01"), row
        assert row["create_date"] == date(1970, 1, 1) + timedelta(days=20_000 + row["id"]), row
        assert row["due_date"] is None and row["outstanding"] is None, row


def kinds(read):
    return {field.name: kind(field.type) for field in read.schema if not pa.types.is_null(field.type)}


def test_every_reader_sees_every_version(lakes, db):
    versions = old = 0
    here = os.getcwd()
    for folder in lakes:
        lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
        for at, line in enumerate(lines):
            for table, told in line.items():
                metadata = folder / told["metadata"]
                wanted = sorted(told["rows"], key=lambda row: row[:3])
                by_duckdb = db.execute(f"SELECT * FROM iceberg_scan('{metadata}')").to_arrow_table()
                assert rows(table, by_duckdb) == wanted, (folder.name, at, "DuckDB")
                by_pyiceberg = StaticTable.from_metadata(str(metadata)).scan().to_arrow()
                assert rows(table, by_pyiceberg) == wanted, (folder.name, at, "PyIceberg")
                assert kinds(by_duckdb) == kinds(by_pyiceberg), (folder.name, at)
                versions += 1
                old += any(row[5] is None for row in wanted) and any(row[5] is not None for row in wanted)
        # chDB takes the version from the hint: the last one.
        for table, told in lines[-1].items():
            home = folder / "lake/freshbooks" / table
            os.chdir(home.parent)
            query = f"SELECT * FROM icebergLocal('{home}/', SETTINGS iceberg_use_version_hint = 1)"
            try:
                read = chdb.query(query, "ArrowTable")
            finally:
                os.chdir(here)
            wanted = sorted(told["rows"], key=lambda row: row[:3])
            assert rows(table, read) == wanted, (folder.name, "chDB")
    print(f"{versions} versions of tables in {len(lakes)} lakes; {old} have rows of before and after a new column")
    assert versions > 500 and old > 20
