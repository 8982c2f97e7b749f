"""A caller who signs as oauthlib does, code that nobody here wrote, and ways to read what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from oauthlib.oauth1 import Client as Signer

from songpost.lab.sandbox import Request, Response, Sandbox
from songpost.lab.sandbox.wire import JSON, as_dict, as_list

Method = Literal["GET", "POST", "PUT", "DELETE"]
MORNING = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
"""A Sunday."""


@dataclass
class Caller:
    """Calls a sandbox in process for one account: `mode` oauth1, oauth2, app (the bearer token) or none."""

    sandbox: Sandbox
    username: str | None = None
    mode: str = "oauth1"
    host: str = "https://api.twitter.com"

    @property
    def user_id(self) -> str:
        """The account's id."""
        return self.sandbox.credentials(self.username).user_id

    def __call__(
        self,
        method: Method,
        path: str,
        body: JSON | bytes = None,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request, with a JSON body or a form."""
        sent = dict(headers or {})
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if form is not None:
            content = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif body is not None:
            sent.setdefault("Content-Type", "application/json")
        sent.setdefault("Authorization", self._authorization(method, self.host + path))
        return self.sandbox.handle(Request(method, self.host + path, sent, content))

    def get(self, path: str, /, **query: str) -> Response:
        """Read something; keyword arguments make the query, with `tweet_fields` for `tweet.fields`."""
        named = {name.replace("_fields", ".fields"): value for name, value in query.items()}
        return self("GET", f"{path}?{urlencode(named)}" if named else path)

    def _authorization(self, method: Method, url: str) -> str:
        known = self.sandbox.credentials(self.username) if self.mode in {"oauth1", "oauth2", "app"} else None
        if known is None:
            return "Bearer None"
        if self.mode == "oauth2":
            return f"Bearer {known.oauth2_access_token}"
        if self.mode == "app":
            return f"Bearer {known.bearer_token}"
        signer = Signer(known.api_key, known.api_secret, known.access_token, known.access_secret)
        return str(signer.sign(url, method)[1]["Authorization"])

    def post(self, text: str, **more: JSON) -> Response:
        """Create a post."""
        return self("POST", "/2/tweets", {"text": text, **more})

    def posted(self, text: str, **more: JSON) -> str:
        """Create a post and tell its id; the test fails where X refuses."""
        response = self.post(text, **more)
        assert response.status == 201, response.body
        return str(data(response)["id"])


def data(response: Response) -> dict[str, JSON]:
    """The `data` object of an answer."""
    return as_dict(as_dict(response.json()).get("data"))


def rows(response: Response) -> list[dict[str, JSON]]:
    """The `data` list of an answer."""
    return [as_dict(row) for row in as_list(as_dict(response.json()).get("data"))]


def detail(response: Response) -> str:
    """What a refusal says: its detail, the message of its first error, or its OAuth description."""
    body = as_dict(response.json())
    errors = as_list(body.get("errors"))
    said = as_dict(errors[0]).get("message") if errors else None
    return str(said or body.get("error_description") or body.get("detail"))
