#!/usr/bin/env python3
"""The deployed binaries: size, first answer from spawn and memory, on a Runtime API and an AWS of a few lines.

    infra/bench/binaries.py [--runs 10]
"""

import argparse
import json
import os
import queue
import resource
import statistics
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

EVENTS = {
    "connect": {"version": "2.0", "rawPath": "/health", "rawQueryString": "", "headers": {"host": "x.on.aws"},
                "requestContext": {"domainName": "x.on.aws", "http": {"method": "GET", "path": "/health",
                                   "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
                                   "timeEpoch": 0, "requestId": "r", "accountId": "a", "apiId": "x",
                                   "routeKey": "$default", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000"},
                "isBase64Encoded": False},
    "dispatch": {"scheduled_at": "2026-03-31T06:00:00Z"},
    "extract": {"Records": []},
}
SECRET = json.dumps({"client_id": "id", "client_secret": "secret", "signing_key": "k" * 64})
LISTING = b'<?xml version="1.0"?><ListBucketResult><Name>b</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>'


class Host(BaseHTTPRequestHandler):
    """The Runtime API, Secrets Manager and S3, as far as a first answer needs them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def say(self, body, headers=()):
        self.send_response(200)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if not self.path.endswith("/invocation/next"):
            return self.say(LISTING, [("Content-Type", "application/xml")])
        event = self.server.events.get()
        deadline = str(int(time.time() * 1000) + 60_000)
        self.say(json.dumps(event).encode(), [
            ("Lambda-Runtime-Aws-Request-Id", "r"), ("Lambda-Runtime-Deadline-Ms", deadline),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x:0:function:f"), ("Content-Type", "application/json")])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "Content-Length" in self.headers else self.chunks()
        if "/runtime/" in self.path:
            self.server.answers.put((self.path, body, time.monotonic()))
            return self.say(b"{}")
        self.say(json.dumps({"ARN": "a", "Name": "n", "VersionId": "v" * 32, "SecretString": SECRET,
                             "VersionStages": ["AWSCURRENT"], "CreatedDate": 0}).encode(),
                 [("Content-Type", "application/x-amz-json-1.1")])

    def chunks(self):
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


def once(name):
    """One process on a host of its own: what an earlier one still asks for never reaches it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.events, server.answers = queue.Queue(), queue.Queue()
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a process that ends cuts its connections
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return first_answer(name, server)
    finally:
        server.shutdown()
        server.server_close()


def first_answer(name, server):
    port = server.server_address[1]
    environment = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "FRESHLAKE_BUCKET": "b", "FRESHLAKE_SECRET_PREFIX": "freshlake/x/",
        "FRESHLAKE_APP_SECRET": "app", "FRESHLAKE_QUEUE_URL": f"http://127.0.0.1:{port}/q",
    }
    server.events.put(EVENTS[name])
    start = time.monotonic()
    process = subprocess.Popen([TARGET / "release" / name], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        path, body, end = server.answers.get(timeout=20)
    except queue.Empty:
        process.kill()
        raise SystemExit(f"{name} did not answer:\n{process.stdout.read().decode()}") from None
    peak = next(int(line.split()[1]) for line in open(f"/proc/{process.pid}/status") if line.startswith("VmHWM")) / 1024
    process.terminate()
    process.wait(timeout=10)
    assert path.endswith("/response"), (path, body)
    return (end - start) * 1000, peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in EVENTS:
        size = (TARGET / "release" / name).stat().st_size / 1e6
        once(name)
        times, peaks = zip(*[once(name) for _ in range(runs)])
        print(f"{name}: {size:.1f} MB, first answer {statistics.median(times):.0f} ms after spawn, {max(peaks):.0f} MiB")


if __name__ == "__main__":
    main()
