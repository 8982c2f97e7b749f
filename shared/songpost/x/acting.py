"""An action as the one call that carries it out: which of the client's writes its kind is.

The table of kinds beside `endpoints.BY_KIND`, which prices and counts the same calls; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from songpost.errors import Refused
from songpost.model import CREATES, Action, Kind, Post
from songpost.x.client import Client
from songpost.x.nouns import Answer, Draft, valued

GONE = 404
Write = Callable[[Client, Action, datetime, datetime], Answer[bool]]
"""`(client, action, send_by, deadline)`; the action's `target_id` is the post, or of a follow the user."""


def carry_out(
    client: Client, action: Action, media_ids: Sequence[str], *, send_by: datetime, deadline: datetime
) -> Answer[Post | None]:
    """Carry an action out on X, once; the post that it made, if its kind makes one.

    Raises as `Client.create_post` does. A delete of a post that is gone already is done.
    """
    if action.kind in CREATES:
        answer = client.create_post(draft_of(action, media_ids), send_by=send_by, deadline=deadline)
        return valued(answer, answer.value)
    done = WRITES[action.kind](client, action, send_by, deadline)
    return valued(done, None)


def draft_of(action: Action, media_ids: Sequence[str]) -> Draft:
    """What a create sends: the words, what they answer, and what goes with them."""
    return Draft(
        text=action.text,
        reply_to=action.target_id if action.kind is Kind.REPLY else "",
        quote=action.target_id if action.kind is Kind.QUOTE else "",
        media_ids=tuple(media_ids),
        poll=action.poll,
        made_with_ai=action.made_with_ai,
    )


def _delete(client: Client, action: Action, send_by: datetime, deadline: datetime) -> Answer[bool]:
    try:
        return client.delete_post(action.target_id, send_by=send_by, deadline=deadline)
    except Refused as gone:
        if gone.status != GONE:
            raise
        return Answer(value=True, limits=gone.limits, skew_seconds=gone.skew_seconds)


def _repost(client: Client, action: Action, send_by: datetime, deadline: datetime) -> Answer[bool]:
    return client.repost(action.target_id, send_by=send_by, deadline=deadline)


def _like(client: Client, action: Action, send_by: datetime, deadline: datetime) -> Answer[bool]:
    return client.like(action.target_id, send_by=send_by, deadline=deadline)


def _follow(client: Client, action: Action, send_by: datetime, deadline: datetime) -> Answer[bool]:
    return client.follow(action.target_id, send_by=send_by, deadline=deadline)


WRITES: Mapping[Kind, Write] = MappingProxyType(
    {Kind.DELETE: _delete, Kind.REPOST: _repost, Kind.LIKE: _like, Kind.FOLLOW: _follow}
)
"""The kinds that make no post."""
