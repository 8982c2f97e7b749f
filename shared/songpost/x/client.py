"""The calls to X that Songpost makes: each takes plain values and a deadline, and gives an `Answer` or raises
one of the named errors of `songpost.errors`.

A write is sent once. The client tries again by itself only where nothing can have happened (no connection; a
429 whose wait fits), and a read also when no usable answer came; always before its deadline. What a lost answer
means is the caller's to settle, by the endpoint's row in `endpoints`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from songpost import endpoints
from songpost.endpoints import Endpoint
from songpost.errors import CredentialsError, UsageError, XError, quote
from songpost.model import Post, User
from songpost.nouns import replace
from songpost.x.answers import POST_FIELDS, USER_FIELDS, Reply
from songpost.x.authorization import AppAuthorization, Authorization
from songpost.x.engine import Engine
from songpost.x.nouns import NOT_GIVEN, Answer, AppUsage, Draft, Found, Page, joined, valued
from songpost.x.transport import Transport
from songpost.x.wire import Call, Scribe

IDS_PER_CALL = 100
_ID = re.compile(r"[0-9]{1,19}")
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,50}")


class Client(Engine):
    """X, for one account.

    `clock` gives aware times, `sleep` waits a number of seconds, `rng` draws the jitter. `user_id` is the own
    user's id where it is known; `me` learns it.
    """

    def __init__(
        self,
        authorization: Authorization,
        transport: Transport,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        user_id: str = "",
        rng: random.Random | None = None,
    ) -> None:
        super().__init__(authorization, transport, clock=clock, sleep=sleep, rng=rng)
        self.user_id = user_id
        self._user_auth = authorization.user_auth
        self._scribe = Scribe(user_auth=authorization.user_auth, own_id=self._own_id)

    # ------------------------------------------------------------------------------------------------ reads

    def me(self, *, deadline: datetime) -> Answer[User]:
        """Read the own user."""
        call = self._scribe.get_me(user_fields=list(USER_FIELDS), user_auth=self._user_auth)
        answer = self.call(endpoints.ME, call, Reply.user, deadline=deadline)
        self.user_id = answer.value.id
        return answer

    def user_by_name(self, username: str, *, deadline: datetime) -> Answer[User]:
        """Read a user by name, without the @. Raises `Refused` where there is none."""
        _check(_USERNAME, username, "username")
        call = self._scribe.get_user(username=username, user_fields=list(USER_FIELDS), user_auth=self._user_auth)
        return self.call(endpoints.USER_BY_NAME, call, Reply.user, deadline=deadline)

    def posts(self, ids: Sequence[str], *, deadline: datetime) -> Answer[Found]:
        """Read up to 100 posts by id. What X does not give stands under `missing`, with its reason."""
        if not 1 <= len(ids) <= IDS_PER_CALL:
            raise UsageError(f"{len(ids)} ids, but X takes 1 to {IDS_PER_CALL}", where="ids", mend="split them")
        for post_id in ids:
            _check(_ID, post_id, "ids")
        call = self._scribe.get_tweets(ids=list(ids), tweet_fields=list(POST_FIELDS), user_auth=self._user_auth)

        def found(reply: Reply) -> Found:
            posts, errors = reply.posts(), reply.errors()
            given = {post.id for post in posts}
            missing = {one: errors.get(one, NOT_GIVEN) for one in ids if one not in given}
            return Found(posts=posts, missing=missing)

        return self.call(endpoints.POSTS, call, found, deadline=deadline)

    def timeline(
        self,
        user_id: str,
        *,
        max_posts: int,
        deadline: datetime,
        since_id: str = "",
        until_id: str = "",
        next_token: str = "",
    ) -> Answer[Page]:
        """Read a user's own posts between two ids (exclusive), newest first, at most `max_posts` (5 at least)."""
        _check(_ID, user_id, "user_id")
        return self._pages(
            endpoints.TIMELINE,
            partial(self._scribe.get_users_tweets, user_id),
            (max_posts, since_id, until_id, next_token),
            deadline,
        )

    def mentions(
        self,
        user_id: str,
        *,
        max_posts: int,
        deadline: datetime,
        since_id: str = "",
        until_id: str = "",
        next_token: str = "",
    ) -> Answer[Page]:
        """Read the posts that mention a user, newest first, at most `max_posts`."""
        _check(_ID, user_id, "user_id")
        return self._pages(
            endpoints.MENTIONS,
            partial(self._scribe.get_users_mentions, user_id),
            (max_posts, since_id, until_id, next_token),
            deadline,
        )

    def search(
        self,
        query: str,
        *,
        max_posts: int,
        deadline: datetime,
        since_id: str = "",
        until_id: str = "",
        next_token: str = "",
    ) -> Answer[Page]:
        """Search the posts of the last seven days, newest first, at most `max_posts`."""
        return self._pages(
            endpoints.SEARCH,
            partial(self._scribe.search_recent_tweets, query),
            (max_posts, since_id, until_id, next_token),
            deadline,
        )

    def usage(self, *, bearer_token: str, deadline: datetime) -> Answer[AppUsage]:
        """Read the app's post reads in this billing cycle. X tells them to the app's own bearer token alone."""
        call = Call(method="GET", route=endpoints.USAGE.path, user_auth=False)
        app = AppAuthorization(bearer_token)
        answer = self.call(endpoints.USAGE, call, Reply.usage, deadline=deadline, authorization=app)
        return replace(answer, resources=0)

    # ----------------------------------------------------------------------------------------------- writes

    def create_post(self, draft: Draft, *, send_by: datetime, deadline: datetime) -> Answer[Post]:
        """Create a post, once. Not one byte leaves at or after `send_by`.

        Raises `Refused` (`Duplicate`), `AccountBlocked`, `RateLimited`, `NotSent`: nothing was posted;
        `OutcomeOpen`: it may have been.
        """
        for where, one in (("reply_to", draft.reply_to), ("quote", draft.quote)):
            if one:
                _check(_ID, one, where)
        for one in draft.media_ids:
            _check(_ID, one, "media_ids")
        call: Call = self._scribe.create_tweet(
            text=draft.text,
            in_reply_to_tweet_id=draft.reply_to or None,
            quote_tweet_id=draft.quote or None,
            media_ids=list(draft.media_ids) or None,
            poll_options=None if draft.poll is None else list(draft.poll.options),
            poll_duration_minutes=None if draft.poll is None else draft.poll.minutes,
            user_auth=self._user_auth,
        )
        flags = {"made_with_ai": draft.made_with_ai, "paid_partnership": draft.paid_partnership}
        call = replace(call, body={**(call.body or {}), **{name: True for name, on in flags.items() if on}})
        return self.call(endpoints.CREATE_POST, call, Reply.post, deadline=deadline, send_by=send_by)

    def delete_post(self, post_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Delete an own post."""
        _check(_ID, post_id, "post_id")
        call = self._scribe.delete_tweet(post_id, user_auth=self._user_auth)
        return self._done(endpoints.DELETE_POST, call, ("deleted",), send_by, deadline)

    def repost(self, post_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Repost a post."""
        _check(_ID, post_id, "post_id")
        call = self._scribe.retweet(post_id, user_auth=self._user_auth)
        return self._done(endpoints.REPOST, call, ("retweeted", "reposted"), send_by, deadline)

    def undo_repost(self, post_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Take a repost back."""
        _check(_ID, post_id, "post_id")
        call = self._scribe.unretweet(post_id, user_auth=self._user_auth)
        return self._undone(endpoints.UNDO_REPOST, call, ("retweeted", "reposted"), send_by, deadline)

    def like(self, post_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Like a post."""
        _check(_ID, post_id, "post_id")
        call = self._scribe.like(post_id, user_auth=self._user_auth)
        return self._done(endpoints.LIKE, call, ("liked",), send_by, deadline)

    def undo_like(self, post_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Take a like back."""
        _check(_ID, post_id, "post_id")
        call = self._scribe.unlike(post_id, user_auth=self._user_auth)
        return self._undone(endpoints.UNDO_LIKE, call, ("liked",), send_by, deadline)

    def follow(self, user_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Follow a user; a protected one has yet to agree."""
        _check(_ID, user_id, "user_id")
        call = self._scribe.follow_user(user_id, user_auth=self._user_auth)
        return self._done(endpoints.FOLLOW, call, ("following", "pending_follow"), send_by, deadline)

    def undo_follow(self, user_id: str, *, send_by: datetime, deadline: datetime) -> Answer[bool]:
        """Stop following a user."""
        _check(_ID, user_id, "user_id")
        call = self._scribe.unfollow_user(user_id, user_auth=self._user_auth)
        return self._undone(endpoints.UNDO_FOLLOW, call, ("following",), send_by, deadline)

    # ---------------------------------------------------------------------------------------------- shapes

    def _pages(
        self,
        endpoint: Endpoint,
        write: Callable[..., Call],
        extent: tuple[int, str, str, str],
        deadline: datetime,
    ) -> Answer[Page]:
        """Read page after page, never asking for more resources than allowed.

        An error on the first page is raised; on a later one the pages before it are given with the error: they
        are paid for.
        """
        max_posts, since_id, until_id, token = extent
        smallest, largest = endpoint.page or (1, 100)
        if max_posts < smallest:
            raise UsageError(
                f"{max_posts} posts, but X's smallest page holds {smallest}", where=endpoint.name, mend="ask for more"
            )
        for where, one in (("since_id", since_id), ("until_id", until_id)):
            if one:
                _check(_ID, one, where)
        paging = "next_token" if endpoint is endpoints.SEARCH else "pagination_token"
        posts: list[Post] = []
        answer: Answer[object] = Answer(value=None)
        stopped_by = None
        while max_posts - answer.resources >= smallest:
            call = write(
                max_results=min(largest, max_posts - answer.resources),
                since_id=since_id or None,
                until_id=until_id or None,
                tweet_fields=list(POST_FIELDS),
                user_auth=self._user_auth,
                **{paging: token or None},
            )
            try:
                page = self.call(endpoint, call, _page, deadline=deadline)
            except XError as error:
                if not posts:
                    raise
                stopped_by = error
                break
            answer = joined(answer, page)
            posts += page.value.posts
            token = page.value.next_token
            if not token or not page.resources:
                break
        whole = Page(
            posts=tuple(posts), complete=not token and stopped_by is None, next_token=token, stopped_by=stopped_by
        )
        return valued(answer, whole)

    def _done(
        self, endpoint: Endpoint, call: Call, flags: tuple[str, ...], send_by: datetime, deadline: datetime
    ) -> Answer[bool]:
        """Carry out a write whose answer confirms it with a flag that is true."""
        parse = partial(Reply.confirm, names=flags, expected=True)
        return self.call(endpoint, call, parse, deadline=deadline, send_by=send_by)

    def _undone(
        self, endpoint: Endpoint, call: Call, flags: tuple[str, ...], send_by: datetime, deadline: datetime
    ) -> Answer[bool]:
        """Carry out an undoing, whose answer confirms it with a flag that is false."""
        parse = partial(Reply.confirm, names=flags, expected=False)
        return self.call(endpoint, call, parse, deadline=deadline, send_by=send_by)

    def _own_id(self) -> str:
        """Name the own user for routes that hold it."""
        if not _ID.fullmatch(self.user_id):
            raise CredentialsError(
                "the own user's id is not known", where="user_id", mend="read `me` first, or give it"
            )
        return self.user_id


def _page(reply: Reply) -> Page:
    """Read one page of posts."""
    token = reply.next_token
    return Page(posts=reply.posts(), complete=not token, next_token=token)


def _check(form: re.Pattern[str], value: str, where: str) -> None:
    """Refuse what is no id or name before it becomes part of a path."""
    if not form.fullmatch(value):
        raise UsageError(f"{quote(value)} is none of X's", where=where, mend="correct it")
