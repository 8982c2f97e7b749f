"""template.yaml as CloudFormation gets it: rendered by the translator that AWS runs for `Transform: Serverless`."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.template.cloudformation import Template, evaluated

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
WATCH = ROOT / "infra" / "watch.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: !Ref X, !GetAtt A.B, !Sub, !If ..."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, object]:
    if isinstance(node, yaml.ScalarNode):
        value: object = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> Template:
    """A template's YAML with its short forms written out."""
    loaded: Template = yaml.load(path.read_text(), _Loader)  # noqa: S506  a SafeLoader with CloudFormation's tags
    return loaded


class _NoManagedPolicies:
    """The template names none; AWS's list of them is not asked for."""

    def load(self) -> dict[str, str]:
        """An empty list."""
        return {}


@cache
def _rendered(parameters: tuple[tuple[str, str], ...]) -> Template:
    from samtranslator.translator.transform import transform  # takes a second: not while tests are collected

    template = load(TEMPLATE)
    for resource in template["Resources"].values():
        for location in ("CodeUri", "ContentUri"):
            if location in resource["Properties"]:
                resource["Properties"][location] = "s3://bucket/key"  # as `sam package` leaves it
    rendered: Template = transform(template, dict(parameters), _NoManagedPolicies())
    return rendered


@pytest.fixture
def render(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Template]:
    """Render template.yaml with the given parameters; the others keep their defaults."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return lambda **parameters: deepcopy(_rendered(tuple(sorted(parameters.items()))))


@pytest.fixture
def stack(render: Callable[..., Template]) -> Callable[..., Template]:
    """The stack as it would stand with the given parameters: every condition decided, every function resolved."""
    return lambda **parameters: evaluated(render(**parameters), **parameters)


@pytest.fixture
def watch(stack: Callable[..., Template]) -> Callable[..., Template]:
    """The nested stack of infra/watch.yaml, with the parameters that the stack gives it."""

    def _watch(**parameters: str) -> Template:
        nested = stack(**parameters)["Resources"]["Watch"]["Properties"]
        assert "infra/watch.yaml" == nested["TemplateURL"]
        return evaluated(load(WATCH), **{name: str(value) for name, value in nested["Parameters"].items()})

    return _watch


def of_type(stack: Template, kind: str) -> Template:
    """The properties of a stack's resources of one type, by logical name."""
    return {name: body["Properties"] for name, body in stack["Resources"].items() if body["Type"] == kind}
