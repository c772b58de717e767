"""DuckDB, PyIceberg and chDB read every current table, agree on its types, and show what raw says: of each key the row that came
last, of each parent the lines it came with."""

import json
import os
import subprocess
from collections import defaultdict
from datetime import timezone
from functools import cache
from pathlib import Path

import chdb
import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

from cloud import ROOT

STAMP = ["_run_id", "_extracted_at", "_is_deleted"]


def freshlake():
    return f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/release/freshlake"


@cache
def keys():
    """The key of every table."""
    return {table["name"]: table["key"] for table in declared()}


@cache
def children():
    """Of every table inside another one: that, its key, and the column that repeats it."""
    return {child["name"]: (table["name"], table["key"][0], child["key"][0])
            for table in declared() for child in table["children"]}


@cache
def declared():
    done = subprocess.run([freshlake(), "tables", "--format", "json"], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of three runs, with changes and deletions in between."""
    folder = tmp_path_factory.mktemp("tables")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FRESHBOOKS_")}
    for _ in range(3):
        done = subprocess.run([freshlake(), "demo"], cwd=folder, capture_output=True, text=True,
                              timeout=300, env=clean)
        assert done.returncode == 0, done.stderr
    return folder / "freshlake-demo/lake"


def tables(lake):
    return sorted(path.parent.name for path in lake.glob("lake/freshbooks/*/metadata"))


def by_duckdb(home):
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        db.load_extension(str(next(Path(package.__path__[0]).rglob("*.duckdb_extension"))))
    db.execute("SET TimeZone = 'UTC'")
    return db.execute(f"SELECT * FROM iceberg_scan('{home}')").to_arrow_table()


def by_pyiceberg(home):
    return StaticTable.from_metadata(str(home)).scan().to_arrow()


def by_chdb(home):
    # It reads below the working directory alone.
    os.chdir(home.parent)
    return chdb.query(f"SELECT * FROM icebergLocal('{home}/', SETTINGS iceberg_use_version_hint = 1)", "ArrowTable")


@pytest.fixture(autouse=True)
def same_directory():
    here = os.getcwd()
    yield
    os.chdir(here)


READERS = [by_duckdb, by_pyiceberg, by_chdb]


def kind(type_):
    """What a type means, whatever the reader calls it."""
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        assert type_.tz in ("UTC", "+00:00", "Etc/UTC"), type_
        return f"timestamptz {type_.unit}"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_boolean(type_):
        return "bool"
    if pa.types.is_integer(type_):
        return f"int{type_.bit_width}"
    assert pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_binary(type_), type_
    return "text"


def raw(lake, table):
    """Every raw row, in the order in which they came."""
    rows = []
    for path in lake.glob(f"raw/{table}/**/*.parquet"):
        rows += pq.ParquetFile(path).read().to_pylist()
    return sorted(rows, key=lambda row: row["_extracted_at"])


def owner(row):
    return row["_account_id"], row["_business_id"]


def last(lake, table):
    """Of each key the row that came last; a row that only says it is gone marks the one before."""
    key, shown = keys()[table], {}
    for row in raw(lake, table):
        at = (owner(row), *(row[name] for name in key))
        if row["_raw"] is None and at in shown:
            row = {**shown[at], **{name: row[name] for name in STAMP}}
        shown[at] = row
    return shown


def due(lake, table):
    if table not in children():
        return list(last(lake, table).values())
    parent, key, parent_key = children()[table]
    lines = defaultdict(list)
    for line in raw(lake, table):
        lines[owner(line), line[parent_key], line["_extracted_at"]].append(line)
    # A parent that vanished was last read with its lines before it was marked.
    read = {}
    for row in raw(lake, parent):
        if row["_raw"] is not None:
            read[owner(row), row[key]] = row["_extracted_at"]
    stamps = {(owner(row), row[key]): row for row in last(lake, parent).values()}
    found = []
    for (whose, id_), at in read.items():
        stamp = {name: stamps[whose, id_][name] for name in STAMP}
        found += [{**line, **stamp} for line in lines[whose, id_, at]]
    return found


def canonical(rows, columns):
    return sorted(repr([(name, row[name]) for name in columns]) for row in rows)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_every_table_shows_what_came_last(lake, read):
    names = tables(lake)
    assert len(names) >= 65
    for table in names:
        shown = read(lake / "lake/freshbooks" / table)
        columns = [name for name in shown.column_names]
        assert "_raw" not in columns
        expected = due(lake, table)
        assert expected or table == "bill_attachments", table
        rows = shown.to_pylist()
        for row in rows:
            for name, value in row.items():
                row[name] = value.decode() if isinstance(value, bytes) else bool(value) if name == "_is_deleted" else value
        fold = lambda row: {name: normal(value) for name, value in row.items()}
        assert canonical(map(fold, rows), columns) == canonical(map(fold, expected), columns), f"{table} by {read.__name__}"


def normal(value):
    if hasattr(value, "astimezone"):
        return value.astimezone(timezone.utc).replace(tzinfo=timezone.utc).isoformat()
    if isinstance(value, bool):
        return int(value)
    return value


def test_all_readers_agree_on_the_types(lake):
    for table in tables(lake):
        home = lake / "lake/freshbooks" / table
        kinds = [{field.name: kind(field.type) for field in read(home).schema} for read in READERS]
        # ClickHouse's Bool is a byte to Arrow.
        for name, of in kinds[0].items():
            if of == "bool":
                assert kinds[2][name] in ("bool", "int8")
                kinds[2][name] = "bool"
        assert kinds[0] == kinds[1] == kinds[2], table


def test_some_rows_were_changed_and_some_are_deleted(lake):
    """Or the first test would show little."""
    rows = raw(lake, "invoices")
    assert len({row["id"] for row in rows}) < len(rows)
    assert any(row["_is_deleted"] for row in rows) and not all(row["_is_deleted"] for row in rows)
