"""Telling from the own timeline what became of an attempt whose answer was lost. Pure.

X hands a text back with t.co links, HTML entities, the mentions that a reply gained, and links to media and
quotes at its end. A post is *found* for an attempt where all of that undone leaves the same words, in a post of
the same kind that is newer than the attempt's baseline and is not known to be another one's.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Iterable

from songpost.model import Action, Attempt, Kind, Post

_LEADING_MENTIONS = re.compile(r"^(?:@\w{1,15}\s+)+")
_SHORT_LINK = re.compile(r"https?://t\.co/\w+")
_TRAILING_LINKS = re.compile(r"(?:\s*https?://t\.co/\w+)+$")


def is_newer(post_id: str, than: str) -> bool:
    """Whether a post's id is newer than another: ids are numbers that grow with time (`""` is oldest)."""
    return (len(post_id), post_id) > (len(than), than)


def words_sent(text: str) -> str:
    """The words of a text as it was sent, in the form that both sides are compared in."""
    return _folded(text)


def words_shown(post: Post) -> str:
    """The words of a post as the timeline shows it, with X's own additions undone."""
    text = post.text
    for short, expanded in post.urls:
        if expanded and not _is_attachment(post, expanded):
            text = text.replace(short, expanded)
    text = html.unescape(_TRAILING_LINKS.sub("", text))
    if post.replied_to:
        text = _LEADING_MENTIONS.sub("", text)
    return _folded(text)


def _is_attachment(post: Post, expanded: str) -> bool:
    """Whether a link is one that X added for a picture or a quoted post."""
    return bool(post.media_keys and re.search(r"/(photo|video)/\d+$", expanded)) or bool(
        post.quoted and expanded.rstrip("/").endswith(post.quoted)
    )


def _folded(text: str) -> str:
    """NFC, white space as single blanks, and links without what X may add or drop about their ends."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"https?://", "", text)
    return re.sub(r"\s+", " ", text).strip()


def same_kind(action: Action, post: Post) -> bool:
    """Whether a post is what the action would have made: an own post, a reply to or a quote of its target."""
    if post.reposted:
        return False
    if action.kind is Kind.REPLY:
        return post.replied_to == action.target_id
    if action.kind is Kind.QUOTE:
        return post.quoted == action.target_id
    return not post.replied_to and not post.quoted and bool(post.media_keys) == bool(action.media)


def found(action: Action, attempt: Attempt, posts: Iterable[Post], accounted: Collection[str]) -> Post | None:
    """The oldest post that is the attempt's, or `None`. `accounted` holds ids that belong to other actions."""
    wanted = words_sent(action.text)
    candidates = [
        post
        for post in posts
        if post.id not in accounted
        and is_newer(post.id, attempt.baseline_id)
        and same_kind(action, post)
        and words_shown(post) == wanted
    ]
    return min(candidates, key=lambda post: (len(post.id), post.id), default=None)


def unaccounted(
    action: Action, attempt: Attempt, posts: Iterable[Post], accounted: Collection[str]
) -> tuple[Post, ...]:
    """Posts of the action's kind since its baseline that the ledger cannot account for: while there is one,
    the attempt is not *absent*, for X may show its text otherwise than we undo it."""
    return tuple(
        post
        for post in posts
        if post.id not in accounted and is_newer(post.id, attempt.baseline_id) and same_kind(action, post)
    )
