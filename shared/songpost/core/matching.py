"""Telling from the own timeline what became of an attempt whose answer was lost. Pure.

X hands a text back with t.co links, HTML entities, the mentions that a reply gained, and links to media and
quotes at its end. A post is *found* for an attempt where all of that undone leaves the same words, in a post of
the same kind that is newer than the attempt's baseline and is not known to be another one's.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from songpost.model import SKEW_SECONDS, Action, Attempt, Kind, Post

_LEADING_MENTIONS = re.compile(r"^(?:@\w{1,15}\s+)+")
_SHORT_LINK = re.compile(r"https?://t\.co/[A-Za-z0-9]+")
_TRAILING_LINKS = re.compile(rf"(?:\s*{_SHORT_LINK.pattern})+$")
_STATUS = re.compile(r"(?:x|twitter)\.com/\w+/status/(\d+)", re.IGNORECASE)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_OLD_HOST = re.compile(r"(?<![\w.])(?:(?:www|mobile)\.)?twitter\.com(?=/)", re.IGNORECASE)
_LATE_SLASH = re.compile(r"(?<=\w)/(?=\s|$)")


def is_newer(post_id: str, than: str) -> bool:
    """Whether a post's id is newer than another: ids are numbers that grow with time (`""` is oldest)."""
    return (len(post_id), post_id) > (len(than), than)


def words_sent(action: Action) -> str:
    """The words of an action's text, in the form that both sides are compared in."""
    return _folded(action.text, reply=action.kind is Kind.REPLY)


def words_shown(post: Post) -> frozenset[str]:
    """The words of a post as the timeline shows it, in every way in which X's own additions may be undone.

    A link to a picture or to the quoted post at the end is either X's addition or part of the text that was sent.
    """
    expanded = {short: long for short, long in post.urls if long}
    own = {short: long for short, long in expanded.items() if not _is_attachment(post, long)}
    text = html.unescape(post.text)  # first: what a link stands for holds no entities
    readings = (_TRAILING_LINKS.sub("", _expand(text, own)), _expand(text, own), _expand(text, expanded))
    return frozenset(_folded(reading, reply=bool(post.replied_to)) for reading in readings)


def _expand(text: str, links: Mapping[str, str]) -> str:
    return _SHORT_LINK.sub(lambda link: links.get(link[0], link[0]), text)


def _is_attachment(post: Post, expanded: str) -> bool:
    """Whether a link is one that X may have added, for a picture or a quoted post."""
    status = _STATUS.search(expanded)
    return bool(post.media_keys and re.search(r"/(photo|video)/\d+$", expanded)) or bool(
        post.quoted and status is not None and status[1] == post.quoted
    )


def _folded(text: str, *, reply: bool) -> str:
    """NFC, white space as single blanks, links without what X may add or drop about their ends.

    Of a reply the leading mentions go: X adds those of the conversation to the ones that were sent.
    """
    text = unicodedata.normalize("NFC", text)
    text = _LEADING_MENTIONS.sub("", text.lstrip()) if reply else text
    text = _LATE_SLASH.sub("", _OLD_HOST.sub("x.com", _SCHEME.sub("", text)))
    return re.sub(r"\s+", " ", text).strip()


def same_kind(action: Action, post: Post) -> bool:
    """Whether a post is what the action would have made: an own post, a reply to or a quote of its target.

    X makes a quote of a post whose text links to another post, and tells of it by `quoted`.
    """
    if post.reposted:
        return False
    if action.kind is Kind.REPLY:
        return post.replied_to == action.target_id
    if action.kind is Kind.QUOTE:
        return post.quoted == action.target_id
    linked = not post.quoted or post.quoted in _STATUS.findall(action.text)
    return not post.replied_to and linked and bool(post.media_keys) == bool(action.media)


def found(action: Action, attempt: Attempt, posts: Iterable[Post], accounted: Collection[str]) -> Post | None:
    """The oldest post that is the attempt's, or `None`. `accounted` holds ids that belong to other actions.

    A post that X dates before the attempt (by more than the clocks may differ) is another one with the same words.
    """
    wanted = words_sent(action)
    begun = attempt.started_at - timedelta(seconds=SKEW_SECONDS)
    candidates = [
        post
        for post in posts
        if post.id not in accounted
        and is_newer(post.id, attempt.baseline_id)
        and same_kind(action, post)
        and (post.created_at is None or post.created_at >= begun)
        and wanted in words_shown(post)
    ]
    return min(candidates, key=lambda post: (len(post.id), post.id), default=None)


def unaccounted(
    action: Action, attempt: Attempt, posts: Iterable[Post], accounted: Collection[str]
) -> tuple[Post, ...]:
    """Posts of the action's kind since its baseline that the ledger cannot account for: while there is one,
    the attempt is not *absent*, for X may show its text otherwise than we undo it.
    """
    return tuple(
        post
        for post in posts
        if post.id not in accounted and is_newer(post.id, attempt.baseline_id) and same_kind(action, post)
    )
