"""What the benches share: a simulator, a deployment in a folder that is connected to it, and a process measured from outside."""

import html
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FRESHLAKE = TARGET / "release" / "freshlake"
BENCH = TARGET / "bench"


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


def median(runs):
    return [statistics.median(column) for column in zip(*runs)]


def measure(command, env, folder=None):
    """CPU seconds, peak MiB and wall seconds of a whole process."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, errors
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - start


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


class Deployment:
    """A folder with a lake of its own, connected to a simulator."""

    def __init__(self, simulator, name, tables=(), business=None):
        self.simulator, self.folder = simulator, BENCH / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # One heap for all threads, as template.yaml sets it.
        self.env = {"MALLOC_ARENA_MAX": "1", "FRESHBOOKS_CLIENT_ID": "simulator-app", "FRESHBOOKS_CLIENT_SECRET": "simulator-secret",
                    "FRESHBOOKS_API_URL": simulator.url, "FRESHBOOKS_AUTH_URL": simulator.url}
        settings = "[connections.bench]\n"
        if tables:
            settings += f"tables = {json.dumps(list(tables))}\n"
        if business:
            settings += f"account = {json.dumps(business)}\n"
        (self.folder / "freshlake.toml").write_text(settings)
        connect = subprocess.Popen([FRESHLAKE, "connect", "bench", "--paste"], cwd=self.folder, env=self.env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = ""
        while not (found := re.search(rf"{re.escape(simulator.url)}/oauth/authorize\S*", said)):
            line = connect.stdout.readline()
            assert line, said
            said += line
        rest, _ = connect.communicate(consent(simulator, found[0]) + "\n", timeout=60)
        assert connect.returncode == 0, said + rest

    def sync(self):
        """CPU seconds, peak MiB and wall seconds of one run."""
        return measure([FRESHLAKE, "--quiet", "sync", "bench"], self.env, self.folder)

    def metadata(self, table):
        """The current metadata of a table, and its size in bytes."""
        home = self.folder / "lake/lake/freshbooks" / table / "metadata"
        text = (home / f"{(home / 'version-hint.text').read_text()}.metadata.json").read_text()
        return json.loads(text), len(text.encode())
