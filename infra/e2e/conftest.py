"""The stack, deployed once; a connection, made once; a lake, filled once."""

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloud import FUNCTIONS, Aws, Stack, binary, package, until
from fake_freshbooks import Browser, Simulator


def pytest_pycollect_makemodule(module_path, parent):
    """The suite under sdk/ looks for its FreshBooks when it is imported: one of its own, as it changes it."""
    if module_path.parent.name == "sdk" and "FRESHLAKE_SIMULATOR_URL" not in os.environ:
        own = Simulator(Path(tempfile.mkdtemp(prefix="freshlake-sdk-")))
        parent.config.add_cleanup(own.stop)
        os.environ["FRESHLAKE_SIMULATOR_URL"] = own.url


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    account = Aws(tmp_path_factory.mktemp("aws"))
    yield account
    account.stop()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory):
    freshbooks = Simulator(tmp_path_factory.mktemp("freshbooks"))
    yield freshbooks
    freshbooks.stop()


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Each function's zip and the size of its binary."""
    folder = tmp_path_factory.mktemp("packages")
    return {name: package(binary(name), folder) for name in FUNCTIONS}


@pytest.fixture(scope="session")
def stack(aws, simulator, packages):
    return Stack(aws, "books", {
        "FreshBooksClientId": simulator.about["client_id"],
        "FreshBooksClientSecret": simulator.about["client_secret"],
        "FreshBooksApiUrl": simulator.url,
        "FreshBooksAuthUrl": simulator.url,
        "Schedule": "rate(1 minute)",
        "ScheduleState": "DISABLED",
        "RetrySeconds": 1,
    }, {name: zipped for name, (zipped, _) in packages.items()})


def connect(aws, stack, name):
    """What a person does with an invite: the last page, and the way there."""
    site = stack.outputs()["ConnectUrl"].rstrip("/")
    answer, error = stack.invoke("connect", {"invite": {"connection": name}, "site_url": site})
    assert not error, answer
    browser = Browser(aws)
    page = browser.go(answer["url"])
    assert page.status_code == 200, page.text
    consent = browser.submit(page)
    assert consent.status_code == 200, consent.text
    return browser.submit(consent, button="allow"), browser.trail


@pytest.fixture(scope="session")
def connected(aws, stack):
    page, trail = connect(aws, stack, "acme")
    assert page.status_code == 200, page.text
    return SimpleNamespace(page=page, trail=trail, name="acme")


@pytest.fixture(scope="session")
def lake(stack, connected):
    return Lake(stack)


class Lake:
    """The bucket and the queues."""

    def __init__(self, stack):
        self.stack, out = stack, stack.outputs()
        self.bucket, self.queue, self.dead = out["Bucket"], out["Queue"], out["DeadLetterQueue"]
        self.s3, self.sqs = stack.aws.client("s3"), stack.aws.client("sqs")

    def keys(self, prefix=""):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def body(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def commits(self):
        """Every commit, by its key."""
        return {key: json.loads(self.body(key)) for key in self.keys("lake/") if "/commits/" in key}

    def waiting(self, queue):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def rest(self, seconds=120):
        """Waits until every task has left the queue."""
        until(lambda: self.waiting(self.queue) == 0, seconds, "empty queue")

    def dead_messages(self):
        """Takes every message out of the dead-letter queue."""
        bodies = []
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])
        return bodies
