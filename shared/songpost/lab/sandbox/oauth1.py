"""OAuth 1.0a signatures (RFC 5849, HMAC-SHA1), checked as X checks them.

A client that is pointed at another host by an adapter still signs for X's own (tweepy does), so a signature holds
when it was computed over `api.twitter.com`, `api.x.com` or the address that the request really went to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from .grants import Grants, Identity

CANONICAL = ("https://api.twitter.com", "https://api.x.com")
CLOCK_SECONDS = 300
"""How far `oauth_timestamp` may lie from the verifier's clock."""

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
_SECONDS = re.compile(r"[0-9]{1,12}")
_PAIR = re.compile(r'\s*([A-Za-z0-9_]+)="([^"]*)"\s*')
_REQUIRED = (
    "oauth_consumer_key",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_token",
)


def _escape(text: str) -> str:
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="-._~")


def authorization_fields(header: str) -> dict[str, str]:
    """The fields of an `Authorization: OAuth …` header, decoded."""
    found = (_PAIR.fullmatch(part) for part in header[len("OAuth") :].split(","))
    return {unquote(match[1]): unquote(match[2]) for match in found if match}


def normalised(parameters: Sequence[tuple[str, str]]) -> str:
    """Parameters as the signature sees them: escaped, sorted, joined, and escaped once more."""
    pairs = sorted((_escape(name), _escape(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    return joined.replace("%", "%25").replace("=", "%3D").replace("&", "%26")


def signature(method: str, base_url: str, parameters: str, secrets: tuple[str, str]) -> str:
    """The HMAC-SHA1 signature of a request; parameters are `normalised`, secrets the consumer's and the token's."""
    base = f"{method.upper()}&{_escape(base_url)}&{parameters}"
    key = f"{_escape(secrets[0])}&{_escape(secrets[1])}"
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha1)).decode()


def verify(
    grants: Grants, *, method: str, url: str, headers: Mapping[str, str], body: bytes, unix_now: float
) -> Identity | None:
    """Whose signed request this is, None where anything about it does not hold. Header names in lower case."""
    fields = authorization_fields(headers.get("authorization", ""))
    if any(name not in fields for name in _REQUIRED) or fields["oauth_signature_method"] != "HMAC-SHA1":
        return None
    owner = grants.oauth1.get(fields["oauth_token"])
    timestamp = fields["oauth_timestamp"]
    if owner is None or fields["oauth_consumer_key"] != grants.api_key or not _SECONDS.fullmatch(timestamp):
        return None
    if abs(int(timestamp) - unix_now) > CLOCK_SECONDS:
        return None
    address = urlsplit(url)
    parameters = [(name, value) for name, value in fields.items() if name not in {"oauth_signature", "realm"}]
    parameters += parse_qsl(address.query, keep_blank_values=True)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        parameters += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    secrets, signed = (grants.api_secret, owner[1]), normalised(parameters)
    hosts = dict.fromkeys((*CANONICAL, f"{address.scheme}://{address.netloc}".lower()))
    for host in hosts:
        expected = signature(method, host + address.path, signed, secrets)
        if hmac.compare_digest(expected.encode(), fields["oauth_signature"].encode()):
            return Identity(scheme="oauth1", user_id=owner[0])
    return None
