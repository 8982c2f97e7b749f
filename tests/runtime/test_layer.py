"""The built layer: what it carries, what it must not, and that Lambda's interpreter can use all of it."""

from __future__ import annotations

import ast
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000
LAPTOP_ONLY = [
    "dotenv",
    "hypothesis",
    "moto",
    "opentelemetry/sdk",
    "pydantic",
    "pytest",
    "rich",
    "songpost/cli",
    "songpost/lab",
    "yaml",
]
# The machine that an ELF file is for (e_machine, 18 bytes in), by the architecture in a module's name.
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


def test_the_layer_is_small(layer: Path, tmp_path: Path) -> None:
    """The layer is at most 45 MB unzipped and 16 MB zipped."""
    unzipped = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    zipped = Path(shutil.make_archive(str(tmp_path / "layer"), "zip", layer)).stat().st_size
    assert unzipped <= 45 * MEGABYTE
    assert zipped <= 16 * MEGABYTE


@pytest.mark.parametrize("package", LAPTOP_ONLY)
def test_the_laptops_packages_stay_out(layer: Path, package: str) -> None:
    """The layer holds neither the laptop's rooms of Songpost nor the packages that only they need."""
    assert not (layer / "python" / package).exists()
    assert not (layer / "python" / f"{package}.py").exists()


def test_every_module_has_bytecode_that_is_used_unchecked(layer: Path) -> None:
    """Each module has bytecode that the interpreter loads without looking at the source, at its path under /opt."""
    sources = sorted((layer / "python").rglob("*.py"))
    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        # Bit 0 of the flags: validated by hash, not by date; bit 1: check the source (PEP 552).
        assert (0b01,) == struct.unpack("<I", compiled.read_bytes()[4:8]), compiled


def test_bytecode_names_its_source_where_lambda_puts_it(layer: Path, python313: Path) -> None:
    """A traceback in Lambda names the file under /opt/python."""
    compiled = layer / "python" / "songpost" / "__pycache__" / "model.cpython-313.pyc"
    script = f"import marshal; print(marshal.loads(open({str(compiled)!r}, 'rb').read()[16:]).co_filename)"
    printed = subprocess.run([python313, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert "/opt/python/songpost/model.py" == printed


def test_compiled_modules_are_there_for_both_architectures(layer: Path) -> None:
    """Each compiled module stands twice, once per architecture, each file built for the machine in its name."""
    found: dict[str, set[str]] = {}
    for module in (layer / "python").rglob("*.so"):
        stem, _, tag = module.name.partition(".")
        architecture = tag.removeprefix("cpython-313-").removesuffix("-linux-gnu.so")
        assert (ELF_MACHINES[architecture],) == struct.unpack("<H", module.read_bytes()[18:20]), module
        found.setdefault(f"{module.parent.relative_to(layer)}/{stem}", set()).add(architecture)
    assert found
    assert {module: set(ELF_MACHINES) for module in found} == found


def test_every_aws_service_that_the_code_calls_is_described(layer: Path) -> None:
    """The layer describes each AWS service for which the shared code makes a client."""
    called = {
        node.args[0].value
        for source in (layer / "python" / "songpost").rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"client", "create_client", "resource"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    described = {path.name for path in (layer / "python" / "botocore" / "data").iterdir()}
    assert set() == called - described
    assert "dynamodb" in described
