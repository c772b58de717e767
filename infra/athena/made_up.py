"""A made-up FreshBooks that a person connects, changes, and has read again: a lake of several runs."""

import re
import subprocess
import time
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from books import freshlake, open_lake, program


class Form(HTMLParser):
    """The hidden fields of the consent page, and where they go."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {"decision": "allow"}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        tagged = dict(attributes)
        if tag == "form":
            self.action = tagged["action"]
        elif tag == "input" and tagged.get("name"):
            self.fields[tagged["name"]] = tagged.get("value", "")


class FreshBooks:
    """`freshlake simulator`, and a folder whose lake is read from it."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [program(), "simulator", "--port", "0", "--scale", "40"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = re.search(r"http://127\.0\.0\.1:\d+", self.process.stdout.readline())[0]
        about = requests.get(f"{self.url}/_simulator/", timeout=30).json()
        self.account, self.business = (about["businesses"][0][unit] for unit in ("account_id", "business_id"))
        (folder / "freshlake.toml").write_text(
            f'[freshbooks]\nclient_id = "{about["client_id"]}"\napi_url = "{self.url}"\n')
        self.connect(about["client_secret"])

    def connect(self, secret):
        """What a person does with `connect --paste`."""
        child = subprocess.Popen(
            [program(), "connect", "acme", "--paste"], cwd=self.folder, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"FRESHBOOKS_CLIENT_SECRET": secret})
        for line in child.stdout:
            if found := re.search(r"http://127\S+/authorize\S+", line):
                break
        else:
            raise AssertionError("no address was printed")
        page = requests.get(found[0], timeout=30)
        form = Form(page.text)
        answer = requests.post(urljoin(page.url, form.action), data=form.fields, allow_redirects=False, timeout=30)
        told, _ = child.communicate(answer.headers["Location"] + "\n", timeout=60)
        assert child.returncode == 0, told

    def change(self, unit, resource, action, key, **fields):
        body = {"action": action, "id": key, "fields": fields}
        answer = requests.post(f"{self.url}/_simulator/rows/{unit}/{resource}", json=body, timeout=30)
        assert answer.ok, answer.text

    def sync(self):
        # A run is called by the second in which it begins.
        time.sleep(1)
        freshlake("--quiet", "sync", folder=self.folder)

    def lake(self):
        """The lake as it is now, with every view."""
        return open_lake(self.folder / "lake")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
