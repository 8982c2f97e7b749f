"""The query language of recent search, as far as it is emulated; an operator that is not is a 400.

Words and "phrases", AND by standing side by side, OR, -not, (groups), `from: to: @ # $ conversation_id: url: lang:`,
`is:retweet|reply|quote|verified`, `has:links|media|mentions|hashtags|cashtags`
(https://docs.x.com/x-api/posts/search/integrate/operators).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import problems, render
from .wire import JSON, Refusal, as_dict, as_list
from .world import Post, World

Test = Callable[[World, Post], bool]

_TOKEN = re.compile(r'\s*(-?"[^"]*"|[()]|-(?=\()|[^\s()]+)')
_ENTITY = {"links": "urls", "mentions": "mentions", "hashtags": "hashtags", "cashtags": "cashtags"}
_SIGN = {"@": ("mentions", "username"), "#": ("hashtags", "tag"), "$": ("cashtags", "tag")}


def parse_query(text: str) -> Test:
    """The test that a query puts to posts; a 400 where the query cannot be understood."""
    tokens = _TOKEN.findall(text)
    test, rest = _either(tokens, text)
    if rest:
        raise _bad(text, f"unexpected {rest[0]!r}")
    return test


def _bad(text: str, why: str) -> Refusal:
    return problems.invalid(f"There were errors processing your request: {why}", {"query": [text]})


def _either(tokens: list[str], text: str) -> tuple[Test, list[str]]:
    tests: list[Test] = []
    while True:
        test, tokens = _all(tokens, text)
        tests.append(test)
        if not tokens or tokens[0] != "OR":
            return (tests[0] if len(tests) == 1 else lambda w, p: any(t(w, p) for t in tests)), tokens
        tokens = tokens[1:]


def _all(tokens: list[str], text: str) -> tuple[Test, list[str]]:
    tests: list[Test] = []
    while tokens and tokens[0] not in {"OR", ")"}:
        test, tokens = _one(tokens, text)
        tests.append(test)
    if not tests:
        raise _bad(text, "an operator or bracket has nothing beside it")
    return (tests[0] if len(tests) == 1 else lambda w, p: all(t(w, p) for t in tests)), tokens


def _one(tokens: list[str], text: str) -> tuple[Test, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        test, rest = _either(rest, text)
        if not rest or rest[0] != ")":
            raise _bad(text, "a bracket is not closed")
        return test, rest[1:]
    if head == "-" and rest:
        test, rest = _one(rest, text)
        return (lambda w, p: not test(w, p)), rest
    if head.startswith("-"):
        term = _term(head[1:], text)
        return (lambda w, p: not term(w, p)), rest
    return _term(head, text), rest


def _term(term: str, text: str) -> Test:
    if term.startswith('"'):
        phrase = term.strip('"').casefold()
        return lambda w, p: phrase in render.shown(w, p).text.casefold()
    if len(term) > 1 and term[0] in _SIGN:
        kind, key = _SIGN[term[0]]
        value = term[1:].casefold()
        return lambda w, p: any(str(e.get(key, "")).casefold() == value for e in _entities(w, p, kind))
    name, colon, value = term.partition(":")
    if not colon or "://" in term:
        word = term.casefold()
        return lambda w, p: word in re.findall(r"[\w']+", render.shown(w, p).text.casefold())
    operator = _OPERATORS.get(name)
    if operator is None or not value:
        raise _bad(text, f"reference to invalid operator '{name}'. Operator is not available in current product")
    return operator(value, text)


def _entities(world: World, post: Post, kind: str) -> list[dict[str, JSON]]:
    return [as_dict(entity) for entity in as_list(render.shown(world, post).entities.get(kind))]


def _from(value: str, _text: str) -> Test:
    name = value.lstrip("@").casefold()
    return lambda w, p: name in {w.users[p.author_id].username.casefold(), p.author_id}


def _to(value: str, _text: str) -> Test:
    name = value.lstrip("@").casefold()

    def test(world: World, post: Post) -> bool:
        parent = world.posts.get(post.in_reply_to_id or "")
        return parent is not None and name in {world.users[parent.author_id].username.casefold(), parent.author_id}

    return test


def _is(value: str, text: str) -> Test:
    tests: dict[str, Test] = {
        "retweet": lambda _w, p: p.reposted_id is not None,
        "reply": lambda _w, p: p.in_reply_to_id is not None,
        "quote": lambda _w, p: p.quoted_id is not None,
        "verified": lambda w, p: w.users[p.author_id].verified,
    }
    if value not in tests:
        raise _bad(text, f"'{value}' is not a value of is:")
    return tests[value]


def _has(value: str, text: str) -> Test:
    if value == "media":
        return lambda _w, p: bool(p.media_ids)
    if value not in _ENTITY:
        raise _bad(text, f"'{value}' is not a value of has:")
    return lambda w, p: bool(_entities(w, p, _ENTITY[value]))


def _url(value: str, _text: str) -> Test:
    wanted = value.strip('"').casefold()
    return lambda w, p: any(wanted in str(e["expanded_url"]).casefold() for e in _entities(w, p, "urls"))


_OPERATORS: dict[str, Callable[[str, str], Test]] = {
    "from": _from,
    "to": _to,
    "is": _is,
    "has": _has,
    "url": _url,
    "conversation_id": lambda value, _text: lambda _w, p: p.conversation_id == value,
    "lang": lambda value, _text: lambda _w, _p: value == "en",
}
