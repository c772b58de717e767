#!/usr/bin/env python3
"""freshlake pull, measured from outside: nginx serves pages that the simulator made beforehand.

    infra/bench/pull.py [--rows 320000] [--runs 3]
"""

import argparse
import html
import http.client
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FRESHLAKE = TARGET / "release" / "freshlake"
BENCH = TARGET / "bench"

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


class Server:
    """A process of ours, ended by its own id."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


class Simulator(Server):
    def __init__(self, *options):
        super().__init__([FRESHLAKE, "simulator", "--port", "0", *options], stderr=subprocess.DEVNULL)
        self.url = re.search(r"http://\S+", self.process.stdout.readline())[0]
        self.connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        about = self.ask("GET", "/_simulator")
        self.business = about["businesses"][0]
        answer = self.ask("POST", "/_simulator/token", {})
        self.token = answer.get("access_token") or answer["token"]

    def raw(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, answer.status, text[:200])
        return text

    def ask(self, method, path, body=None):
        return json.loads(self.raw(method, path, body))


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


def measure(command, env, folder=None):
    """CPU seconds, peak MiB and wall seconds of a whole process."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, errors
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - start


def pull(url, tally, token, in_flight=8):
    out = BENCH / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [FRESHLAKE, "--quiet", "pull", "--out", out, "--in-flight", str(in_flight),
               "--account", tally["account"], "--business", str(tally["business"])]
    for name, *_ in TABLES:
        command += ["--table", name]
    return measure(command, {"FRESHBOOKS_ACCESS_TOKEN": token, "FRESHBOOKS_API_URL": url})


def median(runs):
    return [statistics.median(column) for column in zip(*runs)]


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


def consent(simulator, url):
    """What a person does at the consent page; the address the browser ends on."""
    path = url.removeprefix(simulator.url)
    page = simulator.raw("GET", path).decode()
    fields = [(html.unescape(name), html.unescape(value)) for name, value in
              re.findall(r'<input [^>]*name="([^"]*)"[^>]*value="([^"]*)"', page)]
    simulator.connection.request("POST", "/oauth/authorize", urlencode([*fields, ("decision", "allow")]),
                                 {"Content-Type": "application/x-www-form-urlencoded"})
    answer = simulator.connection.getresponse()
    answer.read()
    return answer.headers["Location"]


def idle():
    """A sync that finds nothing new."""
    folder = BENCH / "idle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Simulator() as simulator:
        env = {"FRESHBOOKS_CLIENT_ID": "simulator-app", "FRESHBOOKS_CLIENT_SECRET": "simulator-secret",
               "FRESHBOOKS_API_URL": simulator.url, "FRESHBOOKS_AUTH_URL": simulator.url}
        connect = subprocess.Popen([FRESHLAKE, "connect", "bench", "--paste"], cwd=folder, env=env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = ""
        while not (found := re.search(rf"{re.escape(simulator.url)}/oauth/authorize\S*", said)):
            line = connect.stdout.readline()
            assert line, said
            said += line
        rest, _ = connect.communicate(consent(simulator, found[0]) + "\n", timeout=60)
        assert connect.returncode == 0, said + rest
        for _ in range(2):
            measure([FRESHLAKE, "--quiet", "sync", "bench"], env, folder)
        simulator.ask("POST", "/_simulator/requests", {})
        cpu, peak, _ = measure([FRESHLAKE, "--quiet", "sync", "bench"], env, folder)
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
