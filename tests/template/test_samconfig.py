"""samconfig.toml: what each environment deploys stands in the template, and going live is nobody's default."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.template.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.cloudformation import Template

ENVIRONMENTS = ["default", "dev", "prod"]
SECONDS = {"minutes": 60, "hour": 3600, "hours": 3600}


def _config(environment: str) -> Template:
    config: Template = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    return config


def _given(environment: str) -> dict[str, str]:
    """The parameters that an environment's deployment sets."""
    words = _config(environment)["deploy"]["parameters"].get("parameter_overrides", [])
    pairs = [word.partition("=") for line in words for word in shlex.split(line)]
    return {name: value.strip("'") for name, _, value in pairs}


def test_each_environment_is_a_stack_of_its_own() -> None:
    """`default`, `dev` and `prod` do not overwrite each other."""
    names = [_config(one)["global"]["parameters"]["stack_name"] for one in ENVIRONMENTS]
    assert 3 == len(set(names)), names


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_it_sets_is_what_the_template_takes(stack: Callable[..., Template], environment: str) -> None:
    """Every parameter exists and is of its allowed values, and the rights asked for are those that roles need."""
    assert stack(**_given(environment))
    parameters = _config(environment)["deploy"]["parameters"]
    assert ("CAPABILITY_IAM", True) == (parameters["capabilities"], parameters["resolve_s3"])
    assert _config(environment)["build"]["parameters"]["build_in_source"] is True


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_environment_goes_live_by_itself(environment: str) -> None:
    """`dev` is always dry; the others say nothing, so that a stack stays what a person made it."""
    assert ("true" if environment == "dev" else None) == _given(environment).get("DryRun")


@pytest.mark.parametrize("function", ["Writer", "Reader"])
def test_dev_is_called_silent_after_two_of_its_periods(function: str) -> None:
    """Where an environment has another rate, its alarm of silence goes with it."""
    given = _given("dev")
    found = re.fullmatch(r"rate\((\d+) (\w+)\)", given[f"{function}Rate"])
    assert found
    assert 2 * int(found[1]) * SECONDS[found[2]] == int(given[f"{function}SilentSeconds"])
