"""The built stack in Lambda containers: the bare `sam local invoke`, every event of events/, a bad one, a time-out.

The events go to `sam local start-lambda`, which keeps its containers warm: all of them together take about as long as
three bare commands. It wants a Docker engine with the runtime's image (SAM pulls it where there is a registry), and
skips loudly without.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import yaml
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
BUILT = ROOT / ".aws-sam" / "build"
EVENTS = sorted(path.name for path in (ROOT / "events").glob("*-*.json") if path.name != "local-env.json")
TURNS = {"writer-pause.json", "writer-pause-all.json", "writer-resume.json"}
"""Events that change state, which a dry run refuses."""
PLATFORMS = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
ARCHITECTURE = PLATFORMS[platform.machine()]
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"
LOCAL = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
STARTS_WITHIN_SECONDS = 60


def _skipped_for() -> str:
    """Why these tests cannot run here; empty where they can."""
    if not SAM.is_file():
        return "no aws-sam-cli: make build"
    docker = shutil.which("docker")
    if docker is None:
        return "no docker"
    found = subprocess.run([docker, "image", "inspect", IMAGE], capture_output=True, text=True, check=False)
    return "" if found.returncode == 0 else f"no engine with {IMAGE}: {found.stderr.strip()}"


@pytest.fixture
def built(python313: Path) -> Iterator[Path]:
    """What `sam build` makes, where it makes it; one process at a time has it, for as long as its containers run."""
    reason = _skipped_for()
    if reason:
        pytest.skip(f"NOT RUN under sam local: {reason}")
    kept = ROOT / "build"
    kept.mkdir(exist_ok=True)
    with (kept / "sam.lock").open("w") as ours, (kept / "layer.lock").open("w") as layers:
        fcntl.flock(ours, fcntl.LOCK_EX)
        fcntl.flock(layers, fcntl.LOCK_EX)
        done = subprocess.run(
            [SAM, "build"], cwd=ROOT, env=os.environ | LOCAL | {"PYTHON313": str(python313)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        fcntl.flock(layers, fcntl.LOCK_UN)
        yield BUILT


@dataclass(frozen=True, slots=True)
class Service:
    """The Lambda service that SAM plays."""

    client: LambdaClient

    def answer(self, function: str, event: bytes) -> bytes:
        """What an invocation comes back with, whatever it is."""
        return self.client.invoke(FunctionName=function, Payload=event)["Payload"].read()

    def invoke(self, function: str, event: bytes) -> tuple[str, dict[str, object]]:
        """What kind of end it was, `response` or `error`, and the answer."""
        body: dict[str, object] = json.loads(self.answer(function, event))
        return "error" if "errorType" in body else "response", body


@pytest.fixture
def service(built: Path, tmp_path: Path) -> Iterator[Service]:
    """`sam local start-lambda` over the built stack with one function more, the writer in a hurry; ended afterwards."""
    template, log = tmp_path / "template.json", tmp_path / "log"
    template.write_text(json.dumps(_with_a_hasty_writer(built, tmp_path / "hasty")))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        SAM, "local", "start-lambda", "--template", template, "--config-file", ROOT / "samconfig.toml",
        "--env-vars", ROOT / "events" / "local-env.json", "--port", port, "--warm-containers", "LAZY",
        "--skip-pull-image", "--parameter-overrides", f"Architecture={ARCHITECTURE}",
    ]  # fmt: skip
    with (
        log.open("w") as out,
        subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, env=os.environ | LOCAL, stdout=out, stderr=out
        ) as sam,
    ):
        try:
            _wait_for(port, sam, log)
            yield Service(_client(port))
        finally:
            sam.send_signal(signal.SIGINT)  # it takes its containers along
            sam.wait(timeout=60)


SILENT_TABLE = """
import socket

TABLE = socket.create_server(("127.0.0.1", 8009))  # it takes every request, and answers none

from writer import handler  # the line above is the only difference
"""


def _with_a_hasty_writer(built: Path, folder: Path) -> dict[str, object]:
    """The built template with paths for any folder, and a writer of one second whose table never answers."""
    folder.mkdir()
    (folder / "writer.py").write_bytes((built / "WriterFunction" / "app.py").read_bytes())
    (folder / "app.py").write_text(SILENT_TABLE)
    template: dict[str, object] = yaml.safe_load((built / "template.yaml").read_text())
    resources = template["Resources"]
    assert isinstance(resources, dict)
    del resources["Watch"], template["Outputs"]  # alarms have no container
    for name, key in (("WriterFunction", "CodeUri"), ("ReaderFunction", "CodeUri"), ("SharedLayer", "ContentUri")):
        resources[name]["Properties"][key] = str(built / name)
    hasty = deepcopy(resources["WriterFunction"])
    hasty["Properties"] |= {"Timeout": 1, "CodeUri": str(folder)}
    del hasty["Properties"]["Events"], hasty["Metadata"]  # which would give it the writer's own variables
    hasty["Properties"]["Environment"]["Variables"] |= {
        "SONGPOST_STORE": "dynamodb://nowhere",
        "SONGPOST_MEDIA_BUCKET": "",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8009",
    }
    resources["HastyFunction"] = hasty
    return template


def _wait_for(port: int, sam: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while sam.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"sam local start-lambda did not start:\n{log.read_text()}")


def _client(port: int) -> LambdaClient:
    return boto3.client(
        "lambda", endpoint_url=f"http://127.0.0.1:{port}", region_name="eu-central-1",
        aws_access_key_id="testing", aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 0}, read_timeout=120),
    )  # fmt: skip


def test_the_built_stack_answers_in_lambdas_containers(service: Service) -> None:
    """The bare command and every test event are answered, pausing is refused to a dry run, a bad event fails by name,
    and a table that does not answer ends with the time-out.
    """
    # One test, because it is one stack: spread over processes each would build it and start it again.
    _type_the_bare_command()
    for name in EVENTS:
        _send(service, name)
    kind, answer = service.invoke("WriterFunction", b'{"mode": "post", "dry-run": true}')
    assert ("error", "EventError") == (kind, answer["errorType"])
    assert str(answer["errorMessage"]).startswith("dry-run: ")
    assert b"Task timed out after 1.00 seconds" == service.answer("HastyFunction", b"{}")


def _type_the_bare_command() -> None:
    """What people type, without a processor or a template."""
    if ARCHITECTURE != "x86_64":
        return  # samconfig.toml names x86_64, and an emulated processor is slow
    done = subprocess.run(
        [SAM, "local", "invoke", "WriterFunction", "-e", "events/writer-post.json", "--skip-pull-image"],
        cwd=ROOT, env=os.environ | LOCAL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert ("post", True, "default") == (answer["mode"], answer["dry_run"], answer["account"])
    assert answer["actions"]


def _send(service: Service, name: str) -> None:
    """Send a test event to its function as it stands; what a dry run may not do, pausing and resuming, is refused."""
    function = f"{name.partition('-')[0].title()}Function"
    kind, answer = service.invoke(function, (ROOT / "events" / name).read_bytes())
    if name in TURNS:
        assert ("error", "Refusal") == (kind, answer["errorType"]), name
        assert "a dry run changes nothing" in str(answer["errorMessage"])
    else:
        assert "response" == kind, (name, answer)
        assert (True, "default") == (answer["dry_run"], answer["account"]), name
