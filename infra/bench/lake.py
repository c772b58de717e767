#!/usr/bin/env python3
"""What current tables cost, measured from outside: `freshlake sync` against the simulator, as a Markdown table.

    infra/bench/lake.py [--only load,merge,metadata,functions] [--rows 320000] [--large 1000000]

Whole processes, with what they fetch; what a merge takes is what a run takes beyond one that fetches the same and finds
nothing new. Nothing here is a test: a figure that misses its bound is printed with the others.
"""

import argparse
import json
import resource
import subprocess
import sys

import binaries
from pull import ROWS_PER_INVOICE, TABLES, make_pages
from rig import BENCH, TARGET, Deployment, Simulator

MIB = 1 << 20
CHANGES = 1000


class Report:
    """Rows of the table, each printed as soon as it is known."""

    def __init__(self):
        self.missed = 0
        print("| | measured | bound | |\n|---|---|---|---|", flush=True)

    def add(self, what, measured, unit, bound, least=False, digits=0):
        met = measured >= bound if least else measured <= bound
        self.missed += not met
        word = "at least" if least else "at most"
        print(f"| {what} | {measured:,.{digits}f} {unit} | {word} {bound:,} {unit} | {'met' if met else '**missed**'} |", flush=True)

    def tell(self, what, measured):
        print(f"| {what} | {measured} | | |", flush=True)


def names():
    return [name for name, *_ in TABLES]


def load(report, rows, large):
    """First loads of five tables, at two sizes, and of rows of 10 MB."""
    json_bytes = make_pages(BENCH / f"pages-{rows}", rows)["bytes"]
    peaks = []
    for size in (rows, large):
        with Simulator("--scale", str(round(size / ROWS_PER_INVOICE))) as simulator:
            cpu, peak, wall = Deployment(simulator, "load", names(), simulator.business["account_id"]).sync()
        peaks.append(peak)
        if size == rows:
            report.add(f"first load of five tables, {size:,} rows, into raw and lake: MB of JSON per CPU second",
                       json_bytes / 1e6 / cpu, "MB", 50, least=True)
            report.tell("its time", f"{cpu:.1f} CPU s, {wall:.1f} s")
            report.add("its peak memory", peak, "MiB", 160)
        else:
            report.add(f"peak memory of a first load of {size:,} rows", peak, "MiB", 256)
            report.tell("its time", f"{cpu:.1f} CPU s, {wall:.1f} s")
    report.add(f"peak memory from {rows:,} to {large:,} rows", peaks[1] / peaks[0], "times", 1.25, digits=2)
    wide(report)


def wide(report):
    """Rows of 10 MB among ordinary ones."""
    with Simulator("--scale", "1200") as simulator:
        account = simulator.business["account_id"]
        at = f"/_simulator/rows/{account}/invoices"
        ids = sorted(simulator.ask("GET", f"/_simulator/truth/{account}/invoices?ids=true")["ids"])
        text = "All work and no play makes Jack a dull boy. "
        for place, row in enumerate(spread(ids, 4)):
            notes = f"{place} {text * (10_000_000 // len(text))}"
            simulator.ask("POST", at, {"action": "change", "id": row, "fields": {"notes": notes}})
        deployment = Deployment(simulator, "wide", ["invoices"], account)
        _, peak, _ = deployment.sync()
        records = int(newest(deployment, "invoices")["total-records"])
        assert records >= 1200, records
        report.add("peak memory of a first load with four rows of 10 MB of JSON", peak, "MiB", 256)


def spread(ids, count):
    return [ids[len(ids) * at // count] for at in range(count)]


def newest(deployment, table):
    metadata, _ = deployment.metadata(table)
    return max(metadata["snapshots"], key=lambda snapshot: snapshot["sequence-number"])["summary"]


def merge(report, large):
    """A thousand changes into tables of two sizes."""
    for rows, seconds in ((10_000, 0.3), (large, 6)):
        with Simulator("--scale", str(rows)) as simulator:
            account = simulator.business["account_id"]
            deployment = Deployment(simulator, "merge", ["invoices"], account)
            cpu, peak, wall = deployment.sync()
            if rows == large:
                report.tell(f"first load of {rows:,} invoices with their lines", f"{cpu:.1f} CPU s, {wall:.0f} s, {peak:.0f} MiB")
            ids = sorted(simulator.ask("GET", f"/_simulator/truth/{account}/invoices?ids=true")["ids"])
            deployment.sync()  # finds out what the filters can do
            for how, chosen in (("adjacent", ids[rows // 2 :][:CHANGES]), ("spread evenly", spread(ids, CHANGES))):
                merge_once(report, simulator, deployment, (rows, how), chosen, seconds)


def merge_once(report, simulator, deployment, case, chosen, seconds):
    rows, how = case
    at = f"/_simulator/rows/{simulator.business['account_id']}/invoices"
    for row in chosen:
        simulator.ask("POST", at, {"action": "change", "id": row, "fields": {"notes": f"changed, {how}"}})
    cpu, peak, _ = deployment.sync()
    own, lines = (newest(deployment, table) for table in ("invoices", "invoice_lines"))
    assert int(own["total-records"]) == rows, own
    assert own["freshlake.run"] == lines["freshlake.run"], (own, lines)
    fetching, idle_peak, _ = deployment.sync()
    what = f"merge of {CHANGES:,} rows, {how}, into {rows:,} invoices"
    size, children = (int(summary["added-files-size"]) / 1e6 for summary in (own, lines))
    report.add(f"{what}: rewritten", size, "MB", 64, digits=1)
    report.tell(f"of its {int(lines['total-records']):,} lines: rewritten", f"{children:.1f} MB")
    report.add("both: CPU of the merges", cpu - fetching, "s", seconds, digits=2)
    report.tell("the whole run; one that fetches the same and changes nothing", f"{cpu:.2f} s; {fetching:.2f} s")
    report.add("peak memory", peak, "MiB", 192)
    report.tell("of a run that changes nothing", f"{idle_peak:.0f} MiB")


def metadata(report, commits):
    """What a table costs after many commits."""
    example = TARGET / "release/examples/commits"
    told = json.loads(subprocess.run([example, str(commits), "1000"], check=True, capture_output=True, text=True).stdout)
    new, old = told["new"], told["old"]
    for what, reads in (("by an engine", lambda of: of["engine_reads"]), ("by a task that finds nothing", lambda of: of["idle_task"]["reads"]),
                        ("by a task with a change", lambda of: of["changing_task"]["reads"])):
        report.add(f"objects read {what} after {told['commits']:,} commits, more than the {reads(new)} of a new table",
                   reads(old) - reads(new), "reads", 3)
    report.add("metadata.json", old["metadata_bytes"] / 1024, "KiB", 256)
    report.tell("snapshots in it, bytes of all manifests", f"{old['snapshots']}, {old['manifest_bytes']:,}")


def functions(report):
    size = (TARGET / "release/extract").stat().st_size / 1e6
    binaries.once("extract")
    times, peaks = zip(*[binaries.once("extract") for _ in range(10)])
    report.add("extract, stripped", size, "MB", 25, digits=1)
    report.add("its first answer after spawn", sorted(times)[len(times) // 2], "ms", 60)
    report.tell("its memory then", f"{max(peaks):.0f} MiB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="load,merge,metadata,functions")
    parser.add_argument("--rows", type=int, default=320_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--commits", type=int, default=1_050)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    parts = options.only.split(",")
    report = Report()
    if "load" in parts:
        load(report, options.rows, options.large)
    if "merge" in parts:
        merge(report, options.large)
    if "metadata" in parts:
        metadata(report, options.commits)
    if "functions" in parts:
        functions(report)
    print(f"\n{report.missed} missed" if report.missed else "\nall met")


if __name__ == "__main__":
    sys.exit(main())
