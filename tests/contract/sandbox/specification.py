"""X's OpenAPI file as a validator: closed, so that an answer may hold nothing that the file does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]  # a document of the specification, which nothing here has types for

EXTRAS: dict[str, dict[str, Schema]] = {
    "ClientForbiddenProblem": {"required_enrollment": {}, "client_id": {}},
    "UsageCapExceededProblem": {"product_name": {}, "account_id": {}},
    "FieldUnauthorizedProblem": {"resource_id": {}, "parameter": {}, "value": {}},
    "ResourceNotFoundProblem": {"section": {}},
    "Problem": {"account_id": {}},
    "MediaUploadResponse": {"meta": {"type": "object"}},
    "MediaUploadAppendResponse": {"meta": {"type": "object"}},
    "ProcessingInfo": {"type": {"type": "string"}},
}
"""What X sends although the file does not list it, or requires without describing it (`meta`, `type`)."""

NESTED_EXTRAS: dict[tuple[str, str], dict[str, Schema]] = {
    ("TweetCreateResponse", "data"): {"edit_history_tweet_ids": {"type": "array"}},
    ("Tweet", "non_public_metrics"): {"url_link_clicks": {}, "user_profile_clicks": {}},
}
"""The same, one level down."""


@dataclass
class Specification:
    """The file, and what it says of an endpoint's answers."""

    document: Schema
    closed: Schema

    @classmethod
    def load(cls, path: Path) -> Specification:
        """Read the file and close its schemas."""
        document = json.loads(path.read_text(encoding="utf-8"))
        schemas = document["components"]["schemas"]
        for name, extra in EXTRAS.items():
            _own_properties(schemas[name]).update(extra)
        for (name, inner), extra in NESTED_EXTRAS.items():
            schemas[name]["properties"][inner]["properties"].update(extra)
        kinds = schemas["Media"]["discriminator"]["mapping"].values()
        closed: Schema = {name: _close(schema, outer=True) for name, schema in schemas.items()}
        opened: Schema = {name: _close(schema, outer=False) for name, schema in schemas.items()}
        closed["Media"] = {"anyOf": [{"$ref": ref} for ref in kinds]}
        closed["Problem"] = opened["Problem"]
        return cls(document, {"components": {"schemas": closed}, "opened": opened})

    def operation(self, endpoint: str) -> Schema:
        """The operation of an endpoint such as `GET /2/users/:id`."""
        method, path = endpoint.split(" ")
        braced = "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in path.split("/"))
        operation: Schema = self.document["paths"][braced][method.lower()]
        return operation

    def parameters(self, endpoint: str) -> set[str]:
        """The names of an endpoint's query parameters."""
        shared = self.document["components"]["parameters"]
        listed = self.operation(endpoint).get("parameters", [])
        whole = [shared[item["$ref"].split("/")[-1]] if "$ref" in item else item for item in listed]
        return {item["name"] for item in whole if item["in"] == "query"}

    def security(self, endpoint: str) -> dict[str, list[str]]:
        """Which schemes an endpoint takes, with their scopes."""
        return {name: scopes for scheme in self.operation(endpoint)["security"] for name, scopes in scheme.items()}

    def wrong(self, endpoint: str, status: int, content_type: str, body: Any) -> Iterator[str]:  # any JSON
        """What the file has against an answer; nothing where it holds."""
        responses = self.operation(endpoint)["responses"]
        if str(status) in responses:
            yield from self._against(responses[str(status)]["content"]["application/json"]["schema"], body)
            for error in body.get("errors", []):
                yield from self._problem(error)
        elif status < 400:
            yield f"{endpoint} may not answer {status}"
        elif content_type.startswith("application/problem+json"):
            yield from self._problem(body)
        else:
            for error in body["errors"]:
                yield from self._against({"$ref": "#/components/schemas/Error"}, error)

    def _problem(self, body: Schema) -> Iterator[str]:
        mapping = self.document["components"]["schemas"]["Problem"]["discriminator"]["mapping"]
        kinds = {address.split("/")[-1]: ref for address, ref in mapping.items()}
        ref = kinds.get(str(body.get("type")).rsplit("/", 1)[-1])
        schema = {"$ref": ref} if ref else _closing({"allOf": [{"$ref": "#/opened/Problem"}]})
        yield from self._against(schema, body)

    def _against(self, schema: Schema, body: Any) -> Iterator[str]:  # any JSON
        validator = Draft202012Validator({**self.closed, **schema})
        for error in validator.iter_errors(body):
            yield f"{error.json_path}: {error.message}"


def _own_properties(schema: Schema) -> Schema:
    if "allOf" in schema:
        return _own_properties(next((part for part in schema["allOf"] if "$ref" not in part), schema["allOf"][0]))
    properties: Schema = schema.setdefault("properties", {})
    return properties


def _closing(schema: Schema) -> Schema:
    return {**schema, "unevaluatedProperties": False}


def _close(schema: Any, *, outer: bool) -> Any:
    """A schema that knows its properties and no others; inside `allOf` it stays open, for its siblings' sake."""
    if isinstance(schema, list):
        return [_close(item, outer=True) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result: Schema = {}
    for key, value in schema.items():
        if key == "allOf":
            result[key] = [_close(_to_opened(part), outer=False) for part in value]
        elif key == "properties":
            result[key] = {name: _close(part, outer=True) for name, part in value.items()}
        elif key in {"items", "oneOf", "anyOf"}:
            result[key] = _close(value, outer=True)
        elif key not in {"discriminator", "example"}:
            result[key] = value
    if outer and ("properties" in result or "allOf" in result):
        return _closing(result)
    return result


def _to_opened(part: Any) -> Any:
    ref = part.get("$ref", "")
    return {"$ref": f"#/opened/{ref.split('/')[-1]}"} if ref else part
