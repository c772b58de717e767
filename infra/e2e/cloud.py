"""An AWS account on this machine: ministack over TLS with IAM enforced, and our stack in it."""

import copy
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3
import botocore.config
import requests
import trustme
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTIONS = ("connect", "dispatch", "extract")


class Process:
    """A child in a process group of its own; always ended by its own id."""

    def __init__(self, command, log, **options):
        self.log = Path(log)
        with self.log.open("wb") as out:
            self.child = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True, **options)

    def wait_for(self, question, what, seconds=60):
        """Asks until the answer is true; the child's log is part of the complaint."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                break
            if answer := question():
                return answer
            time.sleep(0.05)
        raise RuntimeError(f"{what} did not come; its log ends:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self):
        for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.child.pid, sign)
            except ProcessLookupError:
                pass
            try:
                self.child.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        # Whatever the child itself had started and not ended.
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def own_environment():
    """Ours, without a FreshBooks that other tests have named: it would be asked instead of the one in the settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FRESHBOOKS_")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(question, seconds, what):
    """The first true answer within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        assert time.monotonic() < end, f"after {seconds} s still no {what}"
        time.sleep(0.2)


class Aws:
    """ministack, and clients with the keys of an administrator made in its IAM."""

    def __init__(self, folder):
        folder = Path(folder)
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1", f"*.lambda-url.{REGION}.on.aws")
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        leaf.private_key_pem.write_to_path(folder / "leaf.key")
        for at, pem in enumerate(leaf.cert_chain_pems):
            pem.write_to_path(folder / "leaf.pem", append=at > 0)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        (folder / "tmp").mkdir()
        # Nothing but this reaches the functions, which inherit it.
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder / "tmp"),
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "AUTH": "true", "LOG_LEVEL": "INFO",
            "MINISTACK_ACCOUNT_ID": ACCOUNT, "MINISTACK_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": self.url,
            "USE_SSL": "1", "MINISTACK_SSL_CERT": str(folder / "leaf.pem"),
            "MINISTACK_SSL_KEY": str(folder / "leaf.key"), "SSL_CERT_FILE": str(self.ca),
            "AWS_EC2_METADATA_DISABLED": "true", "IOT_MTLS_ENABLED": "false",
        }
        self.process = Process([sys.executable, Path(__file__).with_name("ministack_like_aws.py")],
                               folder / "ministack.log", env=environment, cwd=folder)
        self.process.wait_for(self._answers, "ministack")
        self.keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        iam = self.client("iam")
        iam.create_user(UserName="tester")
        iam.attach_user_policy(UserName="tester", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        made = iam.create_access_key(UserName="tester")["AccessKey"]
        self.keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}

    def _answers(self):
        try:
            return requests.get(f"{self.url}/_ministack/health", verify=self.ca, timeout=2).ok
        except requests.RequestException:
            return False

    def client(self, service):
        options = botocore.config.Config(retries={"max_attempts": 2}, read_timeout=320)
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, verify=str(self.ca),
                            config=options, **self.keys)

    def environment(self):
        """For a command that talks to this account."""
        return {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, "AWS_ENDPOINT_URL": self.url,
                "AWS_REGION": REGION, "SSL_CERT_FILE": str(self.ca),
                "AWS_ACCESS_KEY_ID": self.keys["aws_access_key_id"],
                "AWS_SECRET_ACCESS_KEY": self.keys["aws_secret_access_key"]}

    def stop(self):
        self.process.stop()


def binary(name):
    """A release binary; the functions are built before the tests start."""
    path = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / name
    assert path.exists(), f"{path} is missing: cargo build --release -p {name}"
    return path


def package(path, folder):
    """A deployment package as `sam build` makes one: the stripped binary, named bootstrap."""
    stripped = Path(folder) / f"{Path(path).name}.stripped"
    shutil.copy(path, stripped)
    with stripped.open("rb") as file:
        is_binary = file.read(4) == b"\x7fELF"
    if is_binary:
        subprocess.run(["strip", stripped], check=True)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", compresslevel=1) as archive:
        archive.writestr(entry, stripped.read_bytes())
    return zipped.getvalue(), stripped.stat().st_size


class Stack:
    """template.yaml, deployed; only `CodeUri` differs from the file, as after `sam package`."""

    def __init__(self, aws, name, parameters, packages):
        self.aws, self.name, self.parameters = aws, name, parameters
        self.formation, self.s3 = aws.client("cloudformation"), aws.client("s3")
        self.template = yaml_parse((ROOT / "template.yaml").read_text())
        self.s3.create_bucket(Bucket=f"{name}-code")
        for function in FUNCTIONS:
            self.s3.put_object(Bucket=f"{name}-code", Key=f"{function}.zip", Body=packages[function])
            code = {"Bucket": f"{name}-code", "Key": f"{function}.zip"}
            self.template["Resources"][f"{function.title()}Function"]["Properties"]["CodeUri"] = code
        start = time.monotonic()
        self._run(self.formation.create_stack, "stack_create_complete", self.template)
        self.seconds = time.monotonic() - start

    def _run(self, call, waiter, template):
        call(StackName=self.name, TemplateBody=json.dumps(template), Capabilities=[
                 "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
             Parameters=[{"ParameterKey": k, "ParameterValue": str(v)} for k, v in self.parameters.items()])
        self.formation.get_waiter(waiter).wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def update(self, template):
        self._run(self.formation.update_stack, "stack_update_complete", template)

    def without(self, role, action):
        """Deploys the template without one action of one role."""
        template = copy.deepcopy(self.template)
        found = 0
        for policy in template["Resources"][role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement.get("Action", [])
                actions = [actions] if isinstance(actions, str) else actions
                if action in actions:
                    found += 1
                    # An empty list is no valid statement: this action grants nothing that is used.
                    statement["Action"] = [a for a in actions if a != action] or ["sts:GetCallerIdentity"]
        assert found, f"{role} does not grant {action}"
        self.update(template)

    def restore(self):
        self.update(self.template)

    def outputs(self):
        stack = self.formation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def invoke(self, function, event):
        """Runs a function directly: its answer, and the error if it failed."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=f"{self.name}-{function}", Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read() or b"null"), answer.get("FunctionError")

    def log(self, function):
        """Everything a function has written so far."""
        logs = self.aws.client("logs")
        group = f"/aws/lambda/{self.name}-{function}"
        lines, token = [], {}
        while True:
            page = logs.filter_log_events(logGroupName=group, **token)
            lines += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                return "\n".join(lines)
            token = {"nextToken": page["nextToken"]}
