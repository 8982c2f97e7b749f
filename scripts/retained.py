"""What a stack leaves behind on purpose when it is deleted: its table, its media and the credentials under its paths.

    scripts/retained.py list STACK     before it is deleted: what there is, one `kind name` a line
    scripts/retained.py tell  < LIST   what was kept, and how to be rid of it
    scripts/retained.py purge < LIST   removes it all, for good

`make destroy` calls these in turn. Region and credentials are AWS's own way: AWS_PROFILE, AWS_REGION.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

KEPT_OUTPUTS = {"Table": "table", "MediaBucket": "bucket"}
KEPT_PARAMETERS = ("CredentialsPath", "ReaderCredentialsPath")
AT_ONCE = 10
"""Parameters that SSM deletes in one request."""


def kept(stack_name: str) -> list[str]:
    """What the stack will leave: `table NAME`, `bucket NAME`, `parameters PATH`."""
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
    paths = dict.fromkeys(parameters.get(name, "") for name in KEPT_PARAMETERS)
    return [
        *(f"{kind} {outputs[name]}" for name, kind in KEPT_OUTPUTS.items() if name in outputs),
        *(f"parameters {path}" for path in paths if path),
    ]


def purge_table(name: str) -> None:
    """Lift the table's protection and delete it; its backups to a point in time end with it."""
    client = boto3.client("dynamodb")
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.get_waiter("table_exists").wait(TableName=name)
    client.delete_table(TableName=name)


def purge_bucket(name: str) -> None:
    """Delete every version of every object, then the bucket."""
    bucket = boto3.resource("s3").Bucket(name)
    bucket.object_versions.delete()
    bucket.delete()


def purge_parameters(path: str) -> None:
    """Delete all parameters under a path, tokens included."""
    client = boto3.client("ssm")
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    names = [one["Name"] for page in pages for one in page["Parameters"]]
    for first in range(0, len(names), AT_ONCE):
        client.delete_parameters(Names=names[first : first + AT_ONCE])


PURGES = {"table": purge_table, "bucket": purge_bucket, "parameters": purge_parameters}


def purge(lines: Iterable[str]) -> None:
    """Remove each line's thing."""
    for line in lines:
        kind, _, name = line.partition(" ")
        print(f"removing the {kind} {name}")
        PURGES[kind](name)


def tell(lines: Iterable[str]) -> None:
    """Say what was kept, and the command that removes it."""
    listed = list(lines)
    for line in listed:
        print(f"kept: the {line}")
    words = " ".join(f"'{line}'" for line in listed)
    print(f"to remove all of it, for good: printf '%s\\n' {words} | .venv/bin/python scripts/retained.py purge")


def main(words: list[str]) -> int:
    """Run one of the three commands; 1 where AWS refuses, 2 for words that are none of them."""
    try:
        match words:
            case ["list", stack_name]:
                print("\n".join(kept(stack_name)))
            case ["tell"]:
                tell(sys.stdin.read().splitlines())
            case ["purge"]:
                purge(sys.stdin.read().splitlines())
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (BotoCoreError, ClientError) as error:
        print(f"retained: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
