"""What template.yaml has to keep, beyond being valid."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES, PARAMETERS = TEMPLATE["Resources"], TEMPLATE["Parameters"]


def of_type(kind):
    return {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTIONS, QUEUES, ROLES = (of_type(f"AWS::{kind}") for kind in ("Serverless::Function", "SQS::Queue", "IAM::Role"))


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(role):
    """The statements of a role, those behind a condition included."""
    for policy in ROLES[role]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def references(value):
    """Every name that `value` refers to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield as_list(inner)[0].split(".")[0]
            elif key == "Fn::Sub":
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([^}]+)}", as_list(inner)[0]))
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_cfn_lint_finds_nothing():
    linted = subprocess.run([Path(sys.executable).with_name("cfn-lint"), ROOT / "template.yaml"],
                            capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_checkov_finds_nothing():
    # In a virtual environment of its own: it pins other versions of the AWS libraries.
    checkov = os.environ.get("CHECKOV") or shutil.which("checkov")
    assert checkov, "checkov is missing: infra/test installs it"
    checked = subprocess.run(
        [checkov, "--file", ROOT / "template.yaml", "--config-file", ROOT / "infra/lint/checkov.yaml"],
        capture_output=True, text=True, check=False)
    findings = "\n".join(re.findall(r"Check: .*\n\s+FAILED .*", checked.stdout)) or checked.stdout + checked.stderr
    assert checked.returncode == 0, findings
    assert re.search(r"Passed checks: [1-9]\d*, Failed checks: 0", checked.stdout), findings


def test_the_aliases_that_cloudformation_refuses_are_not_used():
    assert not re.search(r":\s+[&*]\w", (ROOT / "template.yaml").read_text())


@pytest.mark.parametrize("kind, names", [("S3::BucketPolicy", of_type("AWS::S3::Bucket")), ("SQS::QueuePolicy", QUEUES)])
def test_only_tls_reaches_storage_and_queues(kind, names):
    covered = set()
    for policy in of_type(f"AWS::{kind}").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if (statement["Effect"], statement["Principal"]) == ("Deny", "*") \
                    and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                covered |= set(references(statement["Resource"]))
    assert covered == set(names)


def test_nothing_in_a_bucket_is_public():
    for bucket in of_type("AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]["Fn::If"] == ["HasKmsKey", "aws:kms", "AES256"]


def test_no_lifecycle_rule_touches_the_lake():
    for bucket in of_type("AWS::S3::Bucket").values():
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            if set(rule) - {"Id", "Status", "AbortIncompleteMultipartUpload"}:
                assert rule["Prefix"] in {"connect/", "connections/", "raw/"}, rule
            # What was received is kept: there only what somebody deleted ages out.
            if "ExpirationInDays" in rule:
                assert rule["Prefix"] == "connect/"


def test_the_lake_and_its_catalog_outlive_their_stack():
    for name, resource in RESOURCES.items():
        if resource["Type"] in ("AWS::S3::Bucket", "AWS::Glue::Database"):
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), name


def test_every_way_in_has_a_dead_letter_queue():
    dead = set()
    for name, queue in QUEUES.items():
        if "RedrivePolicy" in queue:
            assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
            dead |= set(references(queue["RedrivePolicy"]))
    assert {name for name, queue in QUEUES.items() if "RedrivePolicy" not in queue} == dead
    for function in FUNCTIONS.values():
        for event in function.get("Events", {}).values():
            if event["Type"] == "ScheduleV2":
                assert set(references(event["Properties"]["DeadLetterConfig"])) == dead
    alarmed = {name for alarm in of_type("AWS::CloudWatch::Alarm").values() for name in references(alarm["Dimensions"])}
    assert dead <= alarmed


def test_a_batch_is_answered_in_parts_and_stays_hidden_long_enough():
    seen = 0
    for function in FUNCTIONS.values():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                seen += 1
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
                [queue] = references(event["Properties"]["Queue"])
                assert QUEUES[queue]["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert seen == 1


def test_every_function_has_a_role_and_a_log_of_its_own():
    roles = [function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
    logs = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]
    assert len(set(roles)) == len(set(logs)) == len(FUNCTIONS) == 3
    for name in logs:
        assert RESOURCES[name]["Properties"]["RetentionInDays"]


def test_no_secret_stands_in_an_environment_variable():
    secret = {name for name, parameter in PARAMETERS.items() if parameter.get("NoEcho")}
    assert secret == {"FreshBooksClientSecret"}
    everything = [TEMPLATE["Globals"]["Function"], *FUNCTIONS.values()]
    for function in everything:
        variables = function["Environment"]["Variables"]
        assert not secret & set(references(variables))
        assert "{{resolve:" not in str(variables)
    users = {name for name, resource in RESOURCES.items() if secret & set(references(resource))}
    assert users == {"AppSecret"}
    assert not secret & set(references(TEMPLATE["Outputs"]))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_grants_named_actions_on_named_resources(role):
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), action
        for resource in as_list(statement["Resource"]):
            text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            assert isinstance(resource, dict) and not re.search(r":\*:|:\*$|^\*", text), statement


def test_every_granted_action_is_one_that_the_code_calls():
    code = "".join(path.read_text() for path in (ROOT / "shared/aws/src").glob("*.rs"))
    platform = {"logs:CreateLogStream", "logs:PutLogEvents", "lambda:InvokeFunction", "kms:Decrypt",
                "kms:GenerateDataKey", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    for role in ROLES:
        for statement in statements(role):
            for action in as_list(statement["Action"]):
                assert action in platform or f'"{action}"' in code, f"{role}: {action}"


def test_only_extract_may_change_the_catalog_and_nobody_may_delete_from_it():
    granted = {(role, action) for role in ROLES for s in statements(role) for action in as_list(s["Action"])
               if action.startswith("glue:")}
    assert granted == {("ExtractRole", f"glue:{verb}Table") for verb in ("Get", "Create", "Update")}


def test_only_dispatch_and_connect_may_change_a_token():
    writes = {"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage", "secretsmanager:CreateSecret"}
    may = {role for role in ROLES for s in statements(role) if writes & set(as_list(s["Action"]))}
    assert may == {"ConnectRole", "DispatchRole"}


@pytest.mark.parametrize("text, fits", [
    ("rate(1 minute)", True), ("rate(6 hours)", True), ("cron(0 5 * * ? *)", True), ("cron(0/30 8-18 ? * MON-FRI *)", True),
    ("rate(0 hours)", False), ("every hour", False), ("cron(0 5 * * *)", False), ("at(2026-01-01T00:00:00)", False),
])
def test_the_schedule_is_checked_before_it_is_deployed(text, fits):
    assert bool(re.fullmatch(PARAMETERS["Schedule"]["AllowedPattern"], text)) is fits
