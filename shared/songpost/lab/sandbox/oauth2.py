"""OAuth 2.0 with PKCE: the page on which a user allows an app, and the endpoints for tokens.

After X's documentation (https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code): S256 only here,
the code lives 30 seconds and is good for one exchange, a refresh token for one refresh. Confidential clients
authenticate with HTTP Basic, public ones put `client_id` into the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote, urlencode, urlsplit

from .grants import ALL_SCOPES, Code, Pair
from .service import Call, Service
from .wire import JSON, Answer, Refusal

STATE_LENGTH = 500
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_ASKED = ("client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "response_type")

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Authorize app</title></head>
<body><main><h1>{title}</h1>{content}</main></body></html>
"""
_FORM = """<p>The app asks to act for an account of this sandbox, with these scopes:</p>
<ul>{scopes}</ul>
<form method="post" action="{action}">{hidden}
<label>Account <select name="username">{accounts}</select></label>
<button type="submit" name="decision" value="allow" data-testid="OAuth_Consent_Button">Authorize app</button>
<button type="submit" name="decision" value="cancel">Cancel</button>
</form>"""


def _page(status: int, title: str, content: str) -> Answer:
    body = _PAGE.format(title=html.escape(title), content=content).encode()
    return Answer(status, raw=body, content_type="text/html; charset=utf-8")


def authorize_page(service: Service, call: Call) -> Answer:
    """GET …/oauth2/authorize: the page with the button, or one that says what was wrong with the link."""
    wrong = _wrong(service, call.query)
    if wrong:
        return _page(400, "Something went wrong", f"<p>{html.escape(wrong)}</p>")
    hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(call.query[name])}">' for name in _ASKED)
    names = [service.world.users[user_id].username for user_id in service.accounts]
    content = _FORM.format(
        scopes="".join(f"<li>{html.escape(scope)}</li>" for scope in call.query["scope"].split()),
        action=html.escape(urlsplit(call.request.url).path),
        hidden=hidden,
        accounts="".join(f"<option>{html.escape(name)}</option>" for name in names),
    )
    return _page(200, "Authorize app", content)


def _wrong(service: Service, asked: Mapping[str, str]) -> str:
    """What is wrong with an authorization request; empty where nothing is."""
    absent = [name for name in _ASKED if not asked.get(name)]
    if absent:
        return f"{absent[0]} is missing"
    unknown = set(asked["scope"].split()) - ALL_SCOPES
    challenge = asked["code_challenge_method"] == "S256" and _CHALLENGE.fullmatch(asked["code_challenge"])
    checks = (
        (asked["response_type"] == "code", "response_type must be code"),
        (asked["client_id"] in {service.grants.client_id, service.grants.public_client_id}, "client_id is unknown"),
        (_registered(service, asked["redirect_uri"]), "redirect_uri is not registered for this app"),
        (not unknown, f"scope is invalid: {' '.join(sorted(unknown))}"),
        (challenge, "code_challenge must be an S256 challenge"),
        (len(asked["state"]) <= STATE_LENGTH, f"state is longer than {STATE_LENGTH} characters"),
    )
    return next((complaint for holds, complaint in checks if not holds), "")


def _registered(service: Service, uri: str) -> bool:
    if service.rules.redirect_uris is not None:
        return uri in service.rules.redirect_uris
    return urlsplit(uri).hostname in {"127.0.0.1", "localhost", "::1"} and uri.startswith("http://")


def decide(service: Service, call: Call) -> Answer:
    """POST …/oauth2/authorize: the button was pressed; back to the app with a code or a refusal."""
    form = call.form()
    wrong = _wrong(service, form)
    user = service.world.by_name(form.get("username", "")) or service.owner
    if wrong or user.id not in service.accounts:
        return _page(400, "Something went wrong", f"<p>{html.escape(wrong or 'that account is not here')}</p>")
    if form.get("decision") != "allow":
        return _back(form, {"error": "access_denied", "state": form["state"]})
    grants = service.grants
    grants.counter += 1
    code = Code(
        code=grants.secret(f"code/{grants.counter}", 90),
        client_id=form["client_id"],
        user_id=user.id,
        redirect_uri=form["redirect_uri"],
        scopes=frozenset(form["scope"].split()),
        challenge=form["code_challenge"],
        expires_at=call.now + timedelta(seconds=service.rules.code_seconds),
    )
    grants.codes[code.code] = code
    return _back(form, {"state": form["state"], "code": code.code})


def _back(form: Mapping[str, str], answer: Mapping[str, str]) -> Answer:
    joint = "&" if urlsplit(form["redirect_uri"]).query else "?"
    return Answer(302, raw=b"", headers={"location": f"{form['redirect_uri']}{joint}{urlencode(answer)}"})


def token(service: Service, call: Call) -> Answer:
    """POST /2/oauth2/token: an authorization code or a refresh token for a pair."""
    form = call.form()
    client_id = _client(service, call, form)
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return _exchange(service, call, form, client_id)
    if kind == "refresh_token":
        return _refresh(service, call, form, client_id)
    raise _refusal(400, "unsupported_grant_type", "Value passed for the grant_type was invalid.")


def _refusal(status: int, error: str, description: str) -> Refusal:
    return Refusal(Answer(status, {"error": error, "error_description": description}))


def _client(service: Service, call: Call, form: Mapping[str, str]) -> str:
    """Which client is calling, proved in the way of its type; a refusal where it is not."""
    header = call.headers.get("authorization", "")
    grants = service.grants
    if header.startswith("Basic "):
        expected = f"{grants.client_id}:{grants.client_secret}"
        try:
            given = unquote(base64.b64decode(header[6:], validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if hmac.compare_digest(expected.encode(), given.encode()):
            return grants.client_id
        raise _refusal(401, "invalid_client", "Value passed for the client credentials was invalid.")
    client_id = form.get("client_id")
    if client_id == grants.public_client_id:
        return client_id
    if client_id == grants.client_id:
        raise _refusal(401, "unauthorized_client", "Missing valid authorization header")
    raise _refusal(400, "invalid_request", "Value passed for the client_id was invalid.")


def _exchange(service: Service, call: Call, form: Mapping[str, str], client_id: str) -> Answer:
    grants = service.grants
    code = grants.codes.get(form.get("code", ""))
    spoilt = _refusal(400, "invalid_request", "Value passed for the authorization code was invalid.")
    if code is None or code.client_id != client_id:
        raise spoilt
    if code.used_for is not None:
        grants.revoke_family(code.used_for)
        raise spoilt
    if code.expires_at <= call.now or form.get("redirect_uri") != code.redirect_uri:
        raise spoilt
    verifier = form.get("code_verifier", "")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(digest, code.challenge):
        raise _refusal(400, "invalid_request", "Value passed for the code verifier did not match the code challenge.")
    family = f"grant/{grants.counter}"
    grants.codes[code.code] = replace(code, used_for=family)
    return _pair(service, call, family, client_id, code.user_id, code.scopes)


def _refresh(service: Service, call: Call, form: Mapping[str, str], client_id: str) -> Answer:
    grants = service.grants
    pair = grants.by_refresh_token(form.get("refresh_token", ""))
    spoilt = _refusal(400, "invalid_request", "Value passed for the token was invalid.")
    if pair is None or pair.client_id != client_id or pair.revoked:
        raise spoilt
    if pair.spent:
        grants.revoke_family(pair.family)
        raise spoilt
    if pair.refresh_until <= call.now:
        raise spoilt
    grants.spend(pair)
    return _pair(service, call, pair.family, client_id, pair.user_id, pair.scopes)


def _pair(service: Service, call: Call, family: str, client_id: str, user_id: str, scopes: frozenset[str]) -> Answer:
    rules = service.rules
    pair: Pair = service.grants.issue(
        family=family,
        client_id=client_id,
        user_id=user_id,
        scopes=scopes,
        now=call.now,
        lives=(rules.access_token_seconds, rules.refresh_token_seconds),
    )
    document: dict[str, JSON] = {
        "token_type": "bearer",
        "expires_in": int(rules.access_token_seconds),
        "access_token": pair.access_token,
        "scope": " ".join(sorted(scopes)),
    }
    if pair.refresh_token is not None:
        document["refresh_token"] = pair.refresh_token
    return Answer(200, document)


def revoke(service: Service, call: Call) -> Answer:
    """POST /2/oauth2/revoke: an access or refresh token, and with it its family."""
    form = call.form()
    client_id = _client(service, call, form)
    given = form.get("token", "")
    pair = service.grants.pairs.get(given) or service.grants.by_refresh_token(given)
    if pair is None or pair.client_id != client_id:
        raise _refusal(400, "invalid_request", "Value passed for the token was invalid.")
    service.grants.revoke_family(pair.family)
    return Answer(200, {"revoked": True})
