"""Our FreshBooks on this machine, and a person in front of a browser."""

import os
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from cloud import REGION, Process, binary


class Simulator:
    """`freshlake simulator`, and its control API."""

    def __init__(self, folder, *options):
        # Another program in its place, while something is being tried out.
        command = os.environ.get("FRESHLAKE_SIMULATOR") or f"{binary('freshlake')} simulator"
        self.process = Process([*command.split(), "--port", "0", *options], folder / "simulator.log", cwd=folder)
        found = self.process.wait_for(
            lambda: re.search(r"http://127\.0\.0\.1:\d+", self.process.log.read_text()), "the simulator")
        self.url = found[0]
        self.about = self.control("GET", "")
        self.businesses = self.about["businesses"]

    def control(self, method, path, body=None):
        answer = requests.request(method, f"{self.url}/_simulator/{path}", json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def ask(self, method, path):
        """The same, or nothing where there is no such thing."""
        answer = requests.request(method, f"{self.url}/_simulator/{path}", timeout=60)
        assert answer.ok or answer.status_code == 404, answer.text
        return answer.json() if answer.ok else None

    def truth(self, unit, resource, ids=False):
        """What there is of a resource, told independently of how it is extracted."""
        return self.control("GET", f"truth/{unit}/{resource}" + ("?ids=true" if ids else ""))

    def stop(self):
        self.process.stop()


class Form(HTMLParser):
    """The first form of a page, with its hidden fields and the values of its buttons."""

    def __init__(self, page):
        super().__init__()
        self.action, self.method, self.fields, self.buttons = None, None, {}, []
        self.feed(page)
        assert self.action is not None, f"no form on the page:\n{page}"

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "form" and self.action is None:
            self.action, self.method = a.get("action", ""), a.get("method", "get").upper()
        elif tag == "input" and a.get("name"):
            if a.get("type") not in ("checkbox", "radio") or "checked" in a:
                self.fields[a["name"]] = a.get("value", "")
        elif tag == "button" and a.get("name"):
            self.buttons.append((a["name"], a.get("value", "")))


class Browser:
    """Follows redirects, keeps cookies, sends forms; finds Function URLs on this machine under their real names."""

    def __init__(self, aws):
        self.aws, self.session, self.trail = aws, requests.Session(), []
        self.session.trust_env = False
        self.session.verify = str(aws.ca)

    def go(self, url, method="GET", data=None):
        """The page where it ends, after at most ten redirects."""
        for _ in range(10):
            answer = self.once(url, method, data)
            self.trail.append((method, re.sub(r"\?.*", "", url), answer.status_code))
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            url = urljoin(url, answer.headers["Location"])
            if answer.status_code not in (307, 308):
                method, data = "GET", None
        raise AssertionError(f"too many redirects: {self.trail}")

    def once(self, url, method="GET", data=None):
        request = requests.Request(method, url, data=data, headers={"Accept": "text/html"})
        # The cookies of the real name, whatever address it has here.
        prepared = self.session.prepare_request(request)
        host = re.match(rf"https://([a-z0-9]+\.lambda-url\.{REGION}\.on\.aws)(?=/)", prepared.url)
        if host:
            prepared.headers["Host"] = host[1]
            prepared.url = prepared.url.replace(host[0], self.aws.url, 1)
        answer = self.session.send(prepared, allow_redirects=False, timeout=60)
        answer.url = url
        return answer

    def submit(self, page, button=None):
        """Sends the form of a page, as if its button had been pressed."""
        form = Form(page.text)
        fields = dict(form.fields)
        if button:
            [pressed] = [b for b in form.buttons if b[1] == button]
            fields[pressed[0]] = pressed[1]
        assert form.method == "POST"
        return self.go(urljoin(page.url, form.action), "POST", fields)
