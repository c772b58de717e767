"""Starts ministack with the gaps closed that our functions would fall into.

Each fix makes ministack 1.5.33 do what the AWS documentation says; remove one when ministack does it by itself.
Run as `python ministack_like_aws.py`; the settings are ministack's own environment variables.
"""

import json
import re
from pathlib import Path

from ministack.core import iam_actions
from ministack.services import eventbridge, lambda_svc, secretsmanager


def secrets_have_labels_like_aws():
    """CreateSecret: the request token becomes the version's id; without a value there is no version. PutSecretValue: a
    label sits on one version only; the first version becomes current; a request token belongs to one content."""
    create, put = secretsmanager._create_secret, secretsmanager._put_secret_value

    def create_secret(data):
        answer = create(data)
        if answer[0] == 200:
            versions = secretsmanager._secrets[data["Name"]]["Versions"]
            [(version_id, version)] = versions.items()
            versions.clear()
            if data.get("SecretString") is not None or data.get("SecretBinary") is not None:
                versions[data.get("ClientRequestToken", version_id)] = version
        return answer

    def put_secret_value(data):
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        versions = secret["Versions"] if secret else {}
        known = versions.get(data.get("ClientRequestToken"))
        if known is not None:
            if known["SecretString"] != data.get("SecretString"):
                return secretsmanager.error_response_json(
                    "ResourceExistsException", "A version with this token and another content exists.", 400)
            return secretsmanager.json_response({
                "ARN": secret["ARN"], "Name": secret["Name"], "VersionId": data["ClientRequestToken"],
                "VersionStages": known["Stages"]})
        stages = list(data.get("VersionStages", ["AWSCURRENT"]))
        first = bool(secret) and not versions
        answer = put(data)
        if answer[0] == 200:
            added = json.loads(answer[2])["VersionId"]
            for version_id, version in versions.items():
                if version_id != added:
                    version["Stages"] = [s for s in version["Stages"] if s not in stages or s == "AWSCURRENT"]
            if first and "AWSCURRENT" not in stages:
                versions[added]["Stages"].append("AWSCURRENT")
        return answer

    secretsmanager._create_secret, secretsmanager._put_secret_value = create_secret, put_secret_value


def a_batch_needs_the_right_of_one_message():
    """IAM knows sqs:SendMessage and no sqs:SendMessageBatch; so with deleting and changing the visibility."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*arguments, **named):
        action = extract(*arguments, **named)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract_iam_action


def schedules_tell_their_time():
    """EventBridge Scheduler puts the firing's time where the input says `<aws.scheduler.scheduled-time>`."""
    invoke = eventbridge._invoke_target

    def invoke_target(target, event, *rest):
        if event.get("Source") == "aws.scheduler" and "<aws.scheduler.scheduled-time>" in target.get("Input", ""):
            from datetime import datetime, timezone
            at = datetime.fromtimestamp(event["Time"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            target = {**target, "Input": target["Input"].replace("<aws.scheduler.scheduled-time>", at)}
        return invoke(target, event, *rest)

    eventbridge._invoke_target = invoke_target


def numbers_are_numbers():
    """CloudFormation hands a Number parameter to a resource as a number; ministack leaves it text, and the poller of
    the queue then cannot compare it."""
    limit = lambda_svc._sqs_esm_concurrency

    def concurrency(esm, *rest):
        scaling = esm.get("ScalingConfig") or {}
        if isinstance(scaling.get("MaximumConcurrency"), str):
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return limit(esm, *rest)

    lambda_svc._sqs_esm_concurrency = concurrency


def athena_reads_iceberg():
    """Athena reads an Iceberg table as its current metadata says; ministack reads every file below its location."""
    import duckdb
    import duckdb_extension_avro
    import duckdb_extension_iceberg

    from ministack.services import athena

    relation, connect = athena._table_relation, duckdb.connect
    extensions = [next(Path(package.__path__[0]).rglob("*.duckdb_extension"))
                  for package in (duckdb_extension_avro, duckdb_extension_iceberg)]

    def table_relation(table, files):
        told = table.get("Parameters") or {}
        if told.get("table_type") != "ICEBERG":
            return relation(table, files)
        name = told["metadata_location"].rpartition("/")[2]
        [metadata] = [file for file in files if file.endswith(f"/metadata/{name}")]
        if "current-snapshot-id" not in json.loads(Path(metadata).read_text()):
            return athena._empty_relation(table)
        version = name.removesuffix(".metadata.json")
        return (f"iceberg_scan('{Path(metadata).parents[1]}', version = '{version}', allow_moved_paths = true,"
                " version_name_format = '%s%s.metadata.json')")

    def connected(*arguments, **named):
        connection = connect(*arguments, config={"allow_unsigned_extensions": "true"}, **named)
        for extension in extensions:
            connection.execute(f"LOAD '{extension}'")
        return connection

    athena._table_relation, duckdb.connect = table_relation, connected


def athena_makes_views():
    """A view is checked when it is made, has an entry in the Data Catalog, and stands for its query; ministack forgets it."""
    from ministack.services import athena, glue

    run, references, prefix = athena._run_duckdb, athena._table_references, "_view_of_athena"
    statement = re.compile(r'CREATE OR REPLACE VIEW "(\w+)"\."(\w+)" AS\n(.*)', re.DOTALL)

    def expanded(query, database):
        """`query` with the text of each view in its place, as often as views are made of views."""
        while True:
            found = [(ref, glue._tables.get(f"{ref.database or database}/{ref.table}")) for ref in references(query)]
            found = [(ref, table) for ref, table in found if table and prefix in table.get("Parameters", {})]
            if not found:
                return query
            for ref, table in sorted(found, key=lambda pair: -pair[0].start):
                alias = "" if ref.aliased else f' AS "{ref.table}"'
                text = table["Parameters"][prefix]
                query = f"{query[:ref.start]}(\n{text}\n){alias}{query[ref.end:]}"

    async def run_duckdb(query, database, catalog=None):
        made = statement.fullmatch(query)
        if not made:
            return await run(expanded(query, database), database, catalog)
        schema, name, text = made.groups()
        answer = await run(expanded(f"SELECT * FROM (\n{text}\n) AS made LIMIT 0", schema), schema, catalog)
        columns = [{"Name": column, "Type": kind} for column, kind in zip(answer["columns"], answer["column_types"])]
        entry = {"Name": name, "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true", prefix: text},
                 "StorageDescriptor": {"Columns": columns}}
        replace = f"{schema}/{name}" in glue._tables
        (glue._update_table if replace else glue._create_table)({"DatabaseName": schema, "TableInput": entry})
        return {"columns": [], "rows": [], "column_types": []}

    athena._run_duckdb = run_duckdb


if __name__ == "__main__":
    athena_reads_iceberg()
    athena_makes_views()
    secrets_have_labels_like_aws()
    a_batch_needs_the_right_of_one_message()
    schedules_tell_their_time()
    numbers_are_numbers()
    from ministack import app

    # It would also listen on 443, for Cognito.
    app._port_is_bindable = lambda *_: False
    app.main()
