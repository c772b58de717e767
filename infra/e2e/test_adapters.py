"""The AWS adapters against the contracts of their ports."""

import json
import os
import subprocess

from cloud import ROOT


def test_the_adapters_keep_the_contracts_of_their_ports(aws, tmp_path):
    aws.client("s3").create_bucket(Bucket="contract")
    queue = aws.client("sqs").create_queue(QueueName="contract")["QueueUrl"]
    aws.client("glue").create_database(DatabaseInput={"Name": "contract"})
    # cargo test builds the examples.
    program = f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/debug/examples/contract"
    ran = subprocess.run([program, "contract", "freshlake/contract/", queue, "contract"], env=aws.environment(), text=True,
                         capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    registered = aws.client("glue").get_table(DatabaseName="contract", Name="contract")["Table"]
    assert registered["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert registered["PartitionKeys"] == [{"Name": "dt", "Type": "date", "Comment": "the dt"}]
    tasks = set()
    while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        tasks |= {json.loads(message["Body"])["id"] for message in messages}
    assert tasks == {f"contract-19700101T000000Z-invoices-A{n}" for n in range(12)}
