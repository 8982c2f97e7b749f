"""What CloudFormation makes of a template: conditions decided, parameters, pseudo parameters and functions resolved.

A reference to a resource becomes its logical name, an attribute `Name.Attribute`; a property without a value is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Template = dict[str, Any]
"""CloudFormation's JSON, as deep and as loose as it is."""

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "songpost",
}
_GONE = object()


def evaluated(template: Template, **parameters: str) -> Template:
    """The template's resources that exist, and its outputs, with the given parameters; the others keep their defaults.

    Raises `AssertionError` for a parameter that is unknown, without a value, or not of the allowed values and pattern.
    """
    values = _values(template.get("Parameters", {}), parameters)
    conditions: dict[str, bool] = {}

    def decide(name: str) -> bool:
        if name not in conditions:
            conditions[name] = bool(_resolve(template["Conditions"][name], values, decide))
        return conditions[name]

    resources = {
        name: {key: _resolve(value, values, decide) for key, value in body.items() if key != "Condition"}
        for name, body in template["Resources"].items()
        if "Condition" not in body or decide(body["Condition"])
    }
    outputs = {name: _resolve(body["Value"], values, decide) for name, body in template.get("Outputs", {}).items()}
    return {"Resources": resources, "Outputs": outputs}


def _values(declared: Template, given: dict[str, str]) -> dict[str, str | list[str]]:
    assert set(given) <= set(declared), f"no such parameter: {set(given) - set(declared)}"
    values: dict[str, str | list[str]] = {**PSEUDO}
    for name, parameter in declared.items():
        value = str(given[name] if name in given else parameter["Default"])
        allowed = [str(one) for one in parameter.get("AllowedValues", [value])]
        assert value in allowed, f"{name}: {value!r} is not one of {allowed}"
        listed = parameter["Type"] == "CommaDelimitedList"
        for one in value.split(",") if listed else [value]:
            assert re.fullmatch(parameter.get("AllowedPattern", ".*"), one), f"{name}: {one!r} is not of its pattern"
        values[name] = value.split(",") if listed else value
    return values


def _resolve(value: Any, values: dict[str, str | list[str]], decide: Any) -> Any:
    if isinstance(value, list):
        return [one for one in (_resolve(item, values, decide) for item in value) if one is not _GONE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return _GONE if argument == "AWS::NoValue" else values.get(argument, argument)
        if function == "Condition" and isinstance(argument, str):
            return decide(argument)
        if function.startswith("Fn::"):
            return _call(function, argument, values, decide)
    resolved = {key: _resolve(item, values, decide) for key, item in value.items()}
    return {key: item for key, item in resolved.items() if item is not _GONE}


def _call(function: str, argument: Any, values: dict[str, str | list[str]], decide: Any) -> Any:
    if function == "Fn::GetAtt":
        return argument if isinstance(argument, str) else ".".join(argument)
    if function == "Fn::If":
        condition, yes, no = argument
        return _resolve(yes if decide(condition) else no, values, decide)
    if function == "Fn::Sub":
        text, own = (argument, {}) if isinstance(argument, str) else argument
        known = values | _resolve(own, values, decide)
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(known.get(found[1], found[1])), text)
    return _PLAIN[function](_resolve(argument, values, decide))


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "Fn::Equals": lambda sides: str(sides[0]) == str(sides[1]),
    "Fn::Not": lambda sides: not sides[0],
    "Fn::And": all,
    "Fn::Join": lambda sides: str(sides[0]).join(sides[1]),
}
"""Functions of values that are resolved already."""
