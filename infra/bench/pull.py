#!/usr/bin/env python3
"""freshlake pull, measured from outside: nginx serves pages that the simulator made beforehand.

    infra/bench/pull.py [--rows 320000] [--runs 3]
"""

import argparse
import http.client
import json
import resource
import shutil
import subprocess
import sys
import time
from urllib.parse import urlencode

from rig import BENCH, FRESHLAKE, Deployment, Server, Simulator, measure, median

# table, path, extra query, rows per invoice
TABLES = [
    ("clients", "/accounting/account/{account}/users/clients", [], 1 / 3),
    ("invoices", "/accounting/account/{account}/invoices/invoices", [("include[]", "lines")], 1),
    ("expenses", "/accounting/account/{account}/expenses/expenses", [], 4 / 3),
    ("payments", "/accounting/account/{account}/payments/payments", [], 5 / 6),
    ("time_entries", "/timetracking/business/{business}/time_entries",
     [("team", "true"), ("include_deleted", "true"), ("include_unlogged", "true")], 5 / 3),
]
ROWS_PER_INVOICE = sum(table[3] for table in TABLES)
STATES = ["0", "2", "1"]


def make_pages(folder, rows):
    """Every page that a pull asks for, as files; returns bytes, rows and pages."""
    done = folder / "done.json"
    if done.exists():
        return json.loads(done.read_text())
    shutil.rmtree(folder, ignore_errors=True)
    tally = {"bytes": 0, "rows": 0, "pages": 0, "tables": {}}
    with Simulator("--scale", str(round(rows / ROWS_PER_INVOICE))) as simulator:
        business = simulator.business
        for name, path, extra, _ in TABLES:
            path = path.format(account=business["account_id"], business=business["business_id"])
            place = folder / path.strip("/")
            place.mkdir(parents=True)
            for state in STATES if name != "time_entries" else [None]:
                page, pages = 1, 1
                while page <= max(pages, 1):
                    query = [("page", page), ("per_page", 100), *extra]
                    if state:
                        query.append(("search[vis_state]", state))
                    body = simulator.raw("GET", f"{path}?{urlencode(query)}", token=simulator.token)
                    parsed = json.loads(body)
                    holder = parsed.get("response", {}).get("result") or parsed
                    pages = (holder.get("meta") or holder)["pages"]
                    (place / f"{state or 'all'}-{page}.json").write_bytes(body)
                    tally["bytes"] += len(body)
                    tally["rows"] += len(holder[name])
                    tally["tables"][name] = tally["tables"].get(name, 0) + len(holder[name])
                    tally["pages"] += 1
                    page += 1
        tally |= {"account": business["account_id"], "business": business["business_id"]}
    done.write_text(json.dumps(tally))
    return tally


NGINX = """
daemon off; worker_processes 1; pid {state}/nginx.pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/json; keepalive_requests 1000000; sendfile on; tcp_nopush on;
  client_body_temp_path {state}/b; proxy_temp_path {state}/p; fastcgi_temp_path {state}/f;
  uwsgi_temp_path {state}/u; scgi_temp_path {state}/s;
  map $args $state {{ default all; ~vis_state%5D=0 0; ~vis_state%5D=1 1; ~vis_state%5D=2 2; }}
  server {{ listen 127.0.0.1:{port}; root {pages}; location / {{ try_files $uri/$state-$arg_page.json =404; }} }}
}}
"""


class Nginx(Server):
    def __init__(self, pages):
        state = BENCH / "nginx"
        state.mkdir(parents=True, exist_ok=True)
        port = 18472
        conf = state / "nginx.conf"
        conf.write_text(NGINX.format(state=state, port=port, pages=pages))
        super().__init__(["nginx", "-c", str(conf), "-p", str(state)], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                http.client.HTTPConnection("127.0.0.1", port).connect()
                return
            except OSError:
                time.sleep(0.05)


def pull(url, tally, token, in_flight=8):
    out = BENCH / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [FRESHLAKE, "--quiet", "pull", "--out", out, "--in-flight", str(in_flight),
               "--account", tally["account"], "--business", str(tally["business"])]
    for name, *_ in TABLES:
        command += ["--table", name]
    return measure(command, {"FRESHBOOKS_ACCESS_TOKEN": token, "FRESHBOOKS_API_URL": url})


def throughput(rows, runs):
    pages = BENCH / f"pages-{rows}"
    tally = make_pages(pages, rows)
    with Nginx(pages) as nginx:
        cpu, peak, wall = median([pull(nginx.url, tally, "any") for _ in range(runs)])
    megabytes = tally["bytes"] / 1e6
    print(f"pull, five tables, {tally['rows']:,} rows, {megabytes:.0f} MB of JSON: {megabytes / cpu:.0f} MB of JSON and "
          f"{tally['rows'] / cpu:,.0f} rows per CPU second, peak memory {peak:.0f} MiB ({cpu:.1f} CPU s, {wall:.1f} s)")
    return peak


def latency():
    with Simulator("--scale", "24000", "--latency-ms", "150") as simulator:
        tally = {"account": simulator.business["account_id"], "business": simulator.business["business_id"]}
        simulator.ask("POST", "/_simulator/requests", {})
        _, _, wall = pull(simulator.url, tally, simulator.token)
        requests = simulator.ask("GET", "/_simulator/requests")["total"]
    floor = requests / 8 * 0.150
    print(f"at 150 ms a page and 8 in flight: {wall:.1f} s for {requests} pages, {wall / floor:.2f} x the floor of {floor:.1f} s")


def idle():
    """A sync that finds nothing new."""
    with Simulator() as simulator:
        deployment = Deployment(simulator, "idle")
        for _ in range(2):
            deployment.sync()
        simulator.ask("POST", "/_simulator/requests", {})
        cpu, peak, _ = deployment.sync()
        told = simulator.ask("GET", "/_simulator/requests")
        lists = ", ".join(f"{name} {count}" for name, count in sorted(told["by_resource"].items()))
        print(f"a sync with nothing changed, two businesses: {told['total']} requests, {cpu:.2f} CPU s, {peak:.0f} MiB ({lists})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=320_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not shutil.which("nginx"):
        sys.exit("nginx is missing: apt-get install nginx-light")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    small = throughput(options.rows // 10, options.runs)
    large = throughput(options.rows, options.runs)
    print(f"peak memory from {options.rows // 10:,} to {options.rows:,} rows: {large / small:.2f} x")
    latency()
    idle()


if __name__ == "__main__":
    main()
