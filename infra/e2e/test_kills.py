"""Real processes are killed at random times, and the lake is whole after each: nothing is damaged, every table shows what its
commits say, the next run goes on, and in the end there is what FreshBooks has."""

import json
import random
import re
import shutil
import subprocess
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow.parquet as pq
import pytest
from pathlib import Path

from cloud import Process, binary, own_environment
from fake_freshbooks import Simulator

KILLS = 200
LAKES = 3
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# One kill in so many hits a first load.
FIRST_LOADS = 12
CHANGED = {
    "invoices": {"notes": "changed"}, "clients": {"note": "changed"}, "expenses": {"notes": "changed"},
    "bills": {"bill_number": "changed"}, "projects": {"title": "changed"}, "taxes": {"name": "changed"},
}
# A table, its key, and of a child its parent and that one's key.
TABLES = {
    "invoices": ("id", None, None), "invoice_lines": ("invoiceid", "invoices", "id"), "taxes": ("id", None, None),
    "projects": ("id", None, None), "project_services": ("project_id", "projects", "id"), "expenses": ("id", None, None),
}


class Deployment(Simulator):
    """A made-up FreshBooks that stays up, and a lake that is connected to it."""

    def __init__(self, folder, seed):
        self.home, self.dice = folder / "home", random.Random(seed)
        command = [binary("freshlake"), "demo", "--serve", "--out", self.home, "--scale", "40", "--seed", str(seed)]
        self.process = Process(command, folder / "demo.log", cwd=folder)
        self.process.wait_for(lambda: "until Ctrl-C" in self.process.log.read_text(), "the demo")
        self.url = re.search(r"http://127\.0\.0\.1:\d+", self.process.log.read_text())[0]
        self.businesses = self.control("GET", "")["businesses"]
        self.lake, self.times = self.home / "lake", [0.5]

    def command(self, *arguments):
        return [str(part) for part in (binary("freshlake"), "-q", "--config", self.home / "freshlake.toml", *arguments)]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=120,
                              env=own_environment())

    def change(self):
        """A few rows come, change, go and come back."""
        for _ in range(self.dice.randint(1, 4)):
            business, table = self.dice.choice(self.businesses), self.dice.choice(list(CHANGED))
            unit = business["business_id" if table == "projects" else "account_id"]
            ids = self.truth(unit, table, ids=True)["ids"]
            action = self.dice.choice(["insert", "change", "change", "delete", "undelete"])
            body = {"action": action, "fields": {}}
            if not ids:
                action = body["action"] = "insert"
            if action != "insert":
                body["id"] = self.dice.choice(ids)
            if action == "change":
                body["fields"] = {name: f"{value} {self.dice.random()}" for name, value in CHANGED[table].items()}
            try:
                self.control("POST", f"rows/{unit}/{table}", body)
            except AssertionError:
                # What is gone for good can be changed no more.
                assert action != "insert"

    def kill_a_run(self, within):
        """How long it had run; nothing if it was done before."""
        started, after = time.monotonic(), self.dice.uniform(0, within)
        child = subprocess.Popen(self.command("sync"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env=own_environment())
        try:
            _, said = child.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            return after
        assert child.returncode == 0, said
        self.times.append(time.monotonic() - started)
        return None

    def wipe(self):
        """The rows go, the connection stays."""
        for part in ("lake", "raw"):
            shutil.rmtree(self.lake / part, ignore_errors=True)

    def keys(self):
        return {path for part in ("lake", "raw") for path in (self.lake / part).rglob("*") if path.is_file()}


@cache
def parquet(path):
    return pq.ParquetFile(path).read().to_pylist()


@cache
def commit(path):
    return json.loads(path.read_text())


def due(lake, table, family, units):
    """Of each key the row that came last in the commits up to those named; of each parent the lines it came with last."""
    key, parent, parent_key = TABLES[table]
    home, rows, lines = lake / "lake/freshbooks" / family, {}, {}
    for unit, entry in units.items():
        chain = []
        while entry:
            chain.append(commit(home / "commits" / unit / f"{entry}.json"))
            entry = chain[-1]["previous"]
        for one in reversed(chain):
            came = {}
            for file in one["files"]:
                came.setdefault(file["table"], []).extend(parquet(lake / file["key"]))
            for row in came.get(parent or table, []):
                at = (unit, row[parent_key or key])
                if row["_raw"] is None and at in rows:
                    # It only says that the row is gone.
                    row = {**rows[at], **{name: row[name] for name in ("_run_id", "_extracted_at", "_is_deleted")}}
                else:
                    own = [line for line in came.get(table, []) if line[key] == at[1]]
                    lines[at] = [line for line in own if line["_extracted_at"] == row["_extracted_at"]]
                rows[at] = row
    if parent is None:
        return sorted(stamp(row, key) for row in rows.values())
    of = [({**line, "_extracted_at": rows[at]["_extracted_at"]}) for at, own in lines.items() for line in own]
    return sorted(stamp(line, key) for line in of)


def stamp(row, key):
    return row[key], (row["_extracted_at"] - EPOCH) // timedelta(microseconds=1), row.get("_position") or 0


@pytest.fixture(scope="module")
def db():
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        db.load_extension(str(next(Path(package.__path__[0]).rglob("*.duckdb_extension"))))
    db.execute("SET TimeZone = 'UTC'")
    return db


def assert_consistent(db, lake):
    """Every table shows what the commits say that its metadata names."""
    for table, (key, parent, _) in TABLES.items():
        home = lake / "lake/freshbooks" / table
        hint = home / "metadata/version-hint.text"
        if not hint.exists():
            # Not even once was it shown.
            continue
        metadata = json.loads((home / "metadata" / f"{hint.read_text()}.metadata.json").read_text())
        units = json.loads(metadata["properties"]["freshlake.units"])
        position = "_position" if parent else "0"
        shown = db.execute(
            f"SELECT {key}, epoch_us(_extracted_at), {position} FROM iceberg_scan('{home}')").fetchall()
        wanted = due(lake, table, parent or table, units)
        assert sorted(shown) == wanted, table


def assert_true(deployment, db):
    """The current tables hold what FreshBooks says it has."""
    for business in deployment.businesses:
        for table in ("invoices", "expenses", "bills", "estimates", "payments", "credit_notes"):
            truth = deployment.truth(business["account_id"], table)
            home = deployment.lake / "lake/freshbooks" / table
            if not home.exists():
                assert truth["rows"] == 0, table
                continue
            [(rows, deleted)] = db.execute(
                f"SELECT count(*), count(*) FILTER (_is_deleted) FROM iceberg_scan('{home}') WHERE _account_id = ?",
                [business["account_id"]]).fetchall()
            assert (rows, deleted) == (truth["rows"], truth["states"].get("deleted", 0)), table
            if table == "invoices":
                sums = dict(db.execute(
                    f"SELECT amount_code, sum(amount) FROM iceberg_scan('{home}') WHERE _account_id = ? GROUP BY ALL",
                    [business["account_id"]]).fetchall())
                assert sums == {code: Decimal(sum_) for code, sum_ in truth["sums"]["amount"].items()}


def test_a_killed_process_leaves_a_whole_lake(tmp_path_factory, db):
    deployments = [Deployment(tmp_path_factory.mktemp(f"lake{seed}"), seed) for seed in range(1, LAKES + 1)]
    killed = wrote = committed = first = done = 0
    try:
        while killed < KILLS:
            deployment = deployments[(killed + done) % LAKES]
            within = sorted(deployment.times[-5:])[len(deployment.times[-5:]) // 2]
            if killed % FIRST_LOADS == FIRST_LOADS - 1:
                deployment.wipe()
                within *= 4
            deployment.change()
            before = deployment.keys()
            if deployment.kill_a_run(within) is None:
                done += 1
            else:
                killed += 1
            new = deployment.keys() - before
            wrote += bool(new)
            committed += any("/catalog/" in str(path) for path in new)
            first += not before
            verified = deployment.run("verify")
            assert verified.returncode == 0 and "no damage" in verified.stdout + verified.stderr, verified
            assert_consistent(db, deployment.lake)
        for deployment in deployments:
            # Of a table of few rows more may be gone than are marked unasked.
            healthy = deployment.run("sync", "--accept-deletions")
            assert healthy.returncode == 0, healthy.stderr
            assert_consistent(db, deployment.lake)
            assert_true(deployment, db)
            before = deployment.keys()
            assert deployment.run("sync").returncode == 0
            assert deployment.keys() == before, "a finished sync that runs again adds nothing"
    finally:
        for deployment in deployments:
            deployment.stop()
    print(f"{killed} kills, {first} of first loads; {wrote} had written, {committed} had committed; {done} runs were done first")
    assert wrote >= KILLS // 4 and committed >= KILLS // 8 and first >= KILLS // (2 * FIRST_LOADS)
