"""template.yaml as CloudFormation gets it: rendered by the translator that AWS runs for `Transform: Serverless`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from samtranslator.translator.transform import transform

if TYPE_CHECKING:
    from collections.abc import Callable

Template = dict[str, Any]
"""CloudFormation's JSON, as deep and as loose as it is."""

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


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


class _NoManagedPolicies:
    """The template names none; AWS's list of them is not asked for."""

    def load(self) -> dict[str, str]:
        """An empty list."""
        return {}


@pytest.fixture(scope="session")
def source() -> Template:
    """template.yaml as it was written."""
    loaded: Template = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506  a SafeLoader with CloudFormation's tags
    return loaded


@pytest.fixture
def render(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Template]:
    """Render template.yaml with the given parameters; the others keep their defaults."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    def _render(**parameters: str) -> Template:
        template = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506  a SafeLoader with CloudFormation's tags
        for resource in template["Resources"].values():
            for location in ("CodeUri", "ContentUri"):
                if location in resource["Properties"]:
                    resource["Properties"][location] = "s3://bucket/key"  # as `sam package` leaves it
        rendered: Template = transform(template, parameters, _NoManagedPolicies())
        return rendered

    return _render
