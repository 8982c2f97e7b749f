"""The scripts that make the layer stop, by name, at what they cannot do right."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers" / "songpost"


@pytest.fixture
def no_python313(tmp_path: Path) -> dict[str, str]:
    """An environment with a shell's tools and a `python3.13` that exists and fails, as a pyenv shim does."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for tool in ("sh", "dirname"):
        (bin_ / tool).symlink_to(str(shutil.which(tool)))
    shim = bin_ / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    return {"PATH": str(bin_), "HOME": str(tmp_path)}


def _run(script: str, *arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(LAYER / script), *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_merging_keeps_the_modules_of_both_architectures(tmp_path: Path) -> None:
    """Files with different names stand side by side, equal ones once, and of metadata what importlib reads."""
    arm = _write(
        tmp_path / "arm", {"p/a.py": "1", "p/c.arm.so": "x", "p.dist-info/METADATA": "m", "p.dist-info/WHEEL": "arm"}
    )
    x86 = _write(
        tmp_path / "x86", {"p/a.py": "1", "p/c.x86.so": "y", "p.dist-info/METADATA": "m", "p.dist-info/WHEEL": "x86"}
    )
    out = tmp_path / "out"
    out.mkdir()
    done = _run("merge", out, arm, x86)
    assert 0 == done.returncode, done.stderr
    expected = {"p/a.py", "p/c.arm.so", "p/c.x86.so", "p.dist-info/METADATA"}
    assert expected == {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_merging_stops_at_a_module_without_its_architecture(tmp_path: Path) -> None:
    """One file name with two contents would break one of the architectures; the file is named."""
    arm = _write(tmp_path / "arm", {"p/c.abi3.so": "x"})
    x86 = _write(tmp_path / "x86", {"p/c.abi3.so": "y"})
    out = tmp_path / "out"
    out.mkdir()
    done = _run("merge", out, arm, x86)
    assert 1 == done.returncode
    assert "p/c.abi3.so differs between the architectures" in done.stderr


def test_pruning_refuses_a_service_that_botocore_does_not_know(tmp_path: Path) -> None:
    """A misspelt service would leave a function without its description; it stops the build."""
    data = "botocore/data"
    out = _write(
        tmp_path,
        {f"{data}/s3/a.json": "", f"{data}/ec2/a.json": "", f"{data}/endpoints.json": "", "boto3/data/s3/a.json": ""},
    )
    done = _run("prune", out, "s3", "dynamodbb")
    assert 1 == done.returncode
    assert "dynamodbb" in done.stderr
    assert {"s3", "endpoints.json"} == {path.name for path in (out / data).iterdir()}


def test_a_shim_that_fails_is_no_python(no_python313: dict[str, str]) -> None:
    """A `python3.13` that exists but does not run is passed over, and so is a PYTHON313 of another version."""
    assert 1 == _run("find-python313", env=no_python313).returncode
    assert 1 == _run("find-python313", env=no_python313 | {"PYTHON313": "/bin/sh"}).returncode


@pytest.mark.parametrize("named", ["bin/python3.13", ""])
def test_python313_is_an_interpreter_or_its_prefix(python313: Path, no_python313: dict[str, str], named: str) -> None:
    """PYTHON313 may name the interpreter or the folder that it is installed in."""
    prefix = subprocess.run(
        [python313, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    done = _run("find-python313", env=no_python313 | {"PYTHON313": str(Path(prefix) / named)})
    assert f"{prefix}/bin/python3.13" == done.stdout.strip()


def test_without_python313_the_build_goes_on_and_says_so(tmp_path: Path, no_python313: dict[str, str]) -> None:
    """On a laptop a layer without bytecode is good enough, but never in silence."""
    layer = _write(tmp_path / "layer", {"python/a.py": ""})
    done = _run("bytecode", layer, env=no_python313)
    assert 0 == done.returncode
    assert "NO BYTECODE" in done.stdout
    assert [] == list(layer.rglob("*.pyc"))


def test_where_bytecode_is_required_the_build_refuses(tmp_path: Path, no_python313: dict[str, str]) -> None:
    """`make deploy` and CI set SONGPOST_REQUIRE_BYTECODE: a slow layer is refused, with what to do."""
    layer = _write(tmp_path / "layer", {"python/a.py": ""})
    done = _run("bytecode", layer, env=no_python313 | {"SONGPOST_REQUIRE_BYTECODE": "1"})
    assert 1 == done.returncode
    assert "PYTHON313=" in done.stderr
