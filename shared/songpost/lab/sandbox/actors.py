"""The people of the emulated world: strangers who post, mention, quote and reply; the owner's hand; X itself.

What they do needs no credentials, spends no limit and costs nothing: it is what happens on X beside the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .world import NO_METRICS, Post, User

if TYPE_CHECKING:
    from .sandbox import Sandbox

_FIRST_USER_AT = datetime(2018, 5, 1, tzinfo=UTC)


class Actors:
    """What others do on X. Every method takes the sandbox's lock; users are named by username."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add_user(self, username: str, *, name: str = "", description: str = "", followers: int = 0) -> User:
        """A new user; ValueError when the name is taken. Ids follow from the order of users alone, not the clock."""
        with self._sandbox.lock:
            service = self._sandbox.service
            created_at = _FIRST_USER_AT + timedelta(days=len(service.world.users))
            return service.world.add_user(
                User(
                    id=service.world.new_id(created_at),
                    username=username,
                    name=name or username.capitalize(),
                    created_at=created_at,
                    description=description,
                    followers_count=followers,
                )
            )

    def user(self, username: str) -> User:
        """The user of that name; KeyError where there is none."""
        found = self._sandbox.service.world.by_name(username)
        if found is None:
            raise KeyError(f"nobody is called @{username} here: add_user first")
        return found

    def post(
        self,
        username: str,
        text: str,
        *,
        reply_to: str | None = None,
        quote: str | None = None,
        repost: str | None = None,
        at: datetime | None = None,
    ) -> Post:
        """A post made by hand, now or at an earlier moment; a username that is new is added. Plain facts: no rule
        is checked.
        """
        with self._sandbox.lock:
            service = self._sandbox.service
            moment = at or self._sandbox.clock.now()
            author = service.world.by_name(username) or self.add_user(username)
            post_id = service.world.new_id(moment)
            parent = service.world.posts.get(reply_to or "")
            return service.publish(
                Post(
                    id=post_id,
                    author_id=author.id,
                    text=text,
                    created_at=moment,
                    visible_at=service.visible_at(moment),
                    conversation_id=parent.conversation_id if parent else post_id,
                    in_reply_to_id=reply_to,
                    quoted_id=quote,
                    reposted_id=repost,
                )
            )

    def delete(self, post_id: str) -> None:
        """The author takes a post down by hand."""
        with self._sandbox.lock:
            self._sandbox.service.world.delete_post(post_id, self._sandbox.clock.now())

    def set_metrics(self, post_id: str, metrics: Mapping[str, int]) -> Post:
        """Set counts of a post; KeyError for a count that X does not have."""
        unknown = metrics.keys() - NO_METRICS.keys()
        if unknown:
            raise KeyError(f"{min(unknown)} is no count of a post: {', '.join(NO_METRICS)}")
        with self._sandbox.lock:
            world = self._sandbox.service.world
            post = world.posts[post_id]
            told = {**post.metrics, **metrics}
            if told != post.metrics:
                post = world.posts[post_id] = replace(post, metrics=told)
            return post

    def suspend(self, username: str, *, suspended: bool = True) -> User:
        """X suspends an account, or lets it in again."""
        with self._sandbox.lock:
            world = self._sandbox.service.world
            user = replace(self.user(username), suspended=suspended)
            world.users[user.id] = user
            return user

    def revoke_access(self, username: str) -> None:
        """The user throws the app out: their OAuth 1.0a token and every OAuth 2.0 pair die."""
        with self._sandbox.lock:
            grants, user = self._sandbox.service.grants, self.user(username)
            grants.oauth1 = {token: owner for token, owner in grants.oauth1.items() if owner[0] != user.id}
            for pair in list(grants.pairs.values()):
                if pair.user_id == user.id:
                    grants.revoke_family(pair.family)

    def expire_access(self, username: str) -> None:
        """The user's OAuth 2.0 access tokens run out this moment."""
        with self._sandbox.lock:
            self._sandbox.service.grants.expire_access(self.user(username).id, self._sandbox.clock.now())
