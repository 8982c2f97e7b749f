"""The built stack under `sam local invoke`, in a Lambda container: every event of events/, a bad one, a time-out.

It wants a Docker engine with the runtime's image (`sam local invoke` pulls it where there is a registry), and skips
loudly without.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
EVENTS = sorted(path.name for path in (ROOT / "events").glob("*-*.json") if path.name != "local-env.json")
PLATFORMS = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
ARCHITECTURE = PLATFORMS[platform.machine()]
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"


@dataclass(frozen=True, slots=True)
class Built:
    """A built template."""

    template: Path

    def invoke(self, function: str, event: Path, *words: object) -> subprocess.CompletedProcess[str]:
        """`sam local invoke` with the repository's samconfig.toml."""
        command = [SAM, "local", "invoke", function, "-e", event, "-t", self.template, "--skip-pull-image"]
        override = ["--config-file", ROOT / "samconfig.toml", "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        environ = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
        return subprocess.run(
            [str(word) for word in (*command, *override, *words)],
            cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


def _skipped_for() -> str:
    """Why these tests cannot run here; empty where they can."""
    if not SAM.is_file():
        return "no aws-sam-cli: make build"
    docker = shutil.which("docker")
    if docker is None:
        return "no docker"
    found = subprocess.run([docker, "image", "inspect", IMAGE], capture_output=True, text=True, check=False)
    return "" if found.returncode == 0 else f"no engine with {IMAGE}: {found.stderr.strip()}"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, python313: Path) -> Built:
    """What `sam build` makes, in a folder of its own."""
    reason = _skipped_for()
    if reason:
        pytest.skip(f"NOT RUN under sam local: {reason}")
    out = tmp_path_factory.mktemp("sam") / "build"
    environ = os.environ | {"SAM_CLI_TELEMETRY": "0", "PYTHON313": str(python313)}
    done = subprocess.run(
        [SAM, "build", "--build-dir", out], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return Built(out / "template.yaml")


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The function's answer: the last line of the output."""
    assert 0 == done.returncode, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_answered(built: Built, name: str) -> None:
    """Each test event runs as it stands; what a dry run may not do, pausing and resuming, is refused by name."""
    function = f"{name.split('-', maxsplit=1)[0].title()}Function"
    answer = _answer(built.invoke(function, ROOT / "events" / name))
    if name in {"writer-pause.json", "writer-resume.json"}:
        assert "Refusal" == answer["errorType"]
        assert "a dry run changes nothing" in str(answer["errorMessage"])
    else:
        assert "errorType" not in answer, answer
        assert (True, "default") == (answer["dry_run"], answer["account"])


def test_a_bad_event_fails_by_name(built: Built, tmp_path: Path) -> None:
    """An unknown key fails the invocation, and the error names it."""
    event = tmp_path / "event.json"
    event.write_text('{"mode": "post", "dry-run": true}')
    answer = _answer(built.invoke("WriterFunction", event))
    assert "EventError" == answer["errorType"]
    assert str(answer["errorMessage"]).startswith("dry-run: ")


def test_a_time_out_ends_the_invocation(built: Built, tmp_path: Path) -> None:
    """A store that does not answer ends with the function's own time-out, not with an answer."""
    hasty = built.template.with_name("hasty.yaml")
    text = built.template.read_text()
    assert "Timeout: 60" in text
    hasty.write_text(
        text.replace("Timeout: 60", "Timeout: 1").replace(
            "        DRY_RUN:", "        AWS_ENDPOINT_URL_DYNAMODB: http://127.0.0.1:9\n        DRY_RUN:"
        )
    )
    nowhere = tmp_path / "env.json"
    nowhere.write_text(
        json.dumps({"WriterFunction": {"SONGPOST_STORE": "dynamodb://nowhere", "SONGPOST_MEDIA_BUCKET": ""}})
    )
    done = Built(hasty).invoke("WriterFunction", ROOT / "events" / "writer-post.json", "--env-vars", nowhere)
    assert "timed out after 1 seconds" in done.stderr, done.stderr + done.stdout


def test_the_bare_command_answers() -> None:
    """The command that people type, without a processor or a template, answers from what `make build` left."""
    reason = _skipped_for() or ("" if (ROOT / ".aws-sam" / "build").is_dir() else "nothing was built: make build")
    if reason or ARCHITECTURE != "x86_64":
        pytest.skip(f"NOT RUN under sam local: {reason or 'samconfig.toml names x86_64'}")
    done = subprocess.run(
        [SAM, "local", "invoke", "WriterFunction", "-e", "events/writer-post.json", "--skip-pull-image"],
        cwd=ROOT, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "post" == _answer(done)["mode"]
