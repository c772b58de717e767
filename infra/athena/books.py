"""Books to try the views on: those of the demo, and small ones made by hand."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
from functools import cache
from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TYPES = {"TEXT": "VARCHAR", "TIMESTAMP UTC": "TIMESTAMPTZ"}


def script(name):
    """A program of this folder, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


CREATE_VIEWS, GENERATE = script("create_views"), script("generate")


def program():
    """The release binary of `freshlake`."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("FRESHLAKE", target / "release" / "freshlake"))
    assert path.exists(), f"{path} is missing: cargo build --release -p freshlake"
    return path


def freshlake(*arguments, folder=None):
    # Other tests of the same process point FreshBooks' own clients elsewhere by these.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FRESHBOOKS_")}
    done = subprocess.run([program(), *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False,
                          env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def declared():
    """Every table that is read unasked, as `freshlake tables` tells it, children behind their parents."""
    return [table for table in json.loads(freshlake("tables", "--format", "json")) if not table["on_request"]]


def every_table():
    """Each table, and the one it is part of."""
    for table in declared():
        yield table, None
        for child in table["children"]:
            yield child, table


def database():
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        db.load_extension(str(next(Path(package.__path__[0]).rglob("*.duckdb_extension"))))
    # Nobody's views may depend on where they are asked.
    db.execute("SET TimeZone = 'America/St_Johns'")
    db.execute("CREATE SCHEMA raw")
    return db


def make_views(db, *names, changed=None):
    """Every view, or these and those they are made of; `changed` are texts to try in place of some."""
    for name, statement in CREATE_VIEWS.statements("main", "raw", names):
        if changed and name in changed:
            statement = f"CREATE OR REPLACE VIEW main.{name} AS\n{changed[name]}"
        db.execute(statement)


def demo_lake(folder):
    """The lake of `freshlake demo`, with every view."""
    freshlake("demo", "--quiet", "--out", str(folder))
    return open_lake(folder / "lake")


def open_lake(lake):
    """A lake as it is now: its current tables in `main`, those with every version in `raw`, and every view."""
    db = database()
    for table, _ in every_table():
        name = table["name"]
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM iceberg_scan('{lake / 'lake' / 'freshbooks' / name}')")
        if not any((lake / "raw" / name).glob("**/*.parquet")):
            # Nothing was ever read of it.
            db.execute(f"CREATE TABLE raw.{name} ({', '.join(typed(table))})")
            continue
        files = lake / "raw" / name / "**" / "*.parquet"
        db.execute(f"CREATE VIEW raw.{name} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
    make_views(db)
    return db


def typed(table):
    """The columns of a table, as DuckDB writes them."""
    return [f'"{column["name"]}" {TYPES.get(column["type"], column["type"])}' for column in table["columns"]]


def empty_lake():
    """Every table and every raw table, without a row; views are yet to be made."""
    db = database()
    for table, _ in every_table():
        columns = typed(table)
        db.execute(f"CREATE TABLE raw.{table['name']} ({', '.join(columns)})")
        db.execute(f"CREATE TABLE {table['name']} ({', '.join(c for c in columns if not c.startswith('_raw', 1))})")
    return db


def add(db, table, **columns):
    """A row of `table`; what is not given is null."""
    names = ", ".join(f'"{name}"' for name in columns)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", list(columns.values()))


def rows(db, query, parameters=None):
    """What a query answers, as texts: exact, and the same on every machine."""
    relation = db.execute(query, parameters or [])
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row)) for row in relation.fetchall()]
