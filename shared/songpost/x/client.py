"""The calls to X that Songpost makes: each takes plain values and a deadline, and gives an `Answer` or raises
one of the named errors of `songpost.errors`.

A write is sent once. The client tries again by itself only where nothing can have happened (no connection; a
429 whose wait fits), and a read also when no usable answer came; always before its deadline. What a lost answer
means is the caller's to settle, by the endpoint's row in `endpoints`.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from songpost.errors import (
    CredentialsError,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Unauthorized,
    UsageCapped,
    UsageError,
    XError,
    quote,
)
from songpost.model import Post, User
from songpost.x import endpoints
from songpost.x.answers import POST_FIELDS, USER_FIELDS, Reply, read
from songpost.x.authorization import AppAuthorization, Authorization
from songpost.x.endpoints import Endpoint, Retry
from songpost.x.limits import merged
from songpost.x.nouns import Answer, AppUsage, Draft, Found, Page
from songpost.x.transport import Request, Transport
from songpost.x.wire import Call, Scribe, signed

logger = logging.getLogger(__name__)

WITHIN_SECONDS = 15.0
"""One exchange, from the look-up of the name to the last byte of the answer."""
UPLOAD_WITHIN_SECONDS = 60.0
"""The same for a chunk of a medium, up to 5 MB."""
ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
IDS_PER_CALL = 100
_ID = re.compile(r"[0-9]{1,19}")
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,50}")

_T = TypeVar("_T")


class Client:
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
        self.user_id = user_id
        self._authorization = authorization
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._scribe = Scribe(user_auth=authorization.user_auth, own_id=self._own_id)

    # ------------------------------------------------------------------------------------------------ reads

    def me(self, *, deadline: datetime) -> Answer[User]:
        """Read the own user."""
        call = self._scribe.get_me(user_fields=list(USER_FIELDS), user_auth=self._user_auth)
        answer = _answer(reply := self.call(endpoints.ME, call, deadline=deadline), reply.user())
        self.user_id = answer.value.id
        return answer

    def user_by_name(self, username: str, *, deadline: datetime) -> Answer[User]:
        """Read a user by name, without the @. Raises `Refused` where there is none."""
        _check(_USERNAME, username, "username")
        call = self._scribe.get_user(username=username, user_fields=list(USER_FIELDS), user_auth=self._user_auth)
        return _answer(reply := self.call(endpoints.USER_BY_NAME, call, deadline=deadline), reply.user())

    def posts(self, ids: Sequence[str], *, deadline: datetime) -> Answer[Found]:
        """Read up to 100 posts by id. What X does not give stands under `missing`, with its reason."""
        if not 1 <= len(ids) <= IDS_PER_CALL:
            raise UsageError(f"{len(ids)} ids, but X takes 1 to {IDS_PER_CALL}", where="ids", mend="split them")
        for post_id in ids:
            _check(_ID, post_id, "ids")
        call = self._scribe.get_tweets(ids=list(ids), tweet_fields=list(POST_FIELDS), user_auth=self._user_auth)
        reply = self.call(endpoints.POSTS, call, deadline=deadline)
        given = reply.posts()
        errors = reply.errors()
        absent = set(ids) - {post.id for post in given}
        missing = {post_id: errors.get(post_id, "not given") for post_id in ids if post_id in absent}
        return _answer(reply, Found(posts=given, missing=missing))

    def timeline(
        self, user_id: str, *, max_posts: int, deadline: datetime, since_id: str = "", next_token: str = ""
    ) -> Answer[Page]:
        """Read a user's own posts, newest first, at most `max_posts` (a multiple of pages of 5 to 100)."""
        _check(_ID, user_id, "user_id")
        return self._pages(
            endpoints.TIMELINE,
            partial(self._scribe.get_users_tweets, user_id),
            (max_posts, since_id, next_token),
            deadline,
        )

    def mentions(
        self, user_id: str, *, max_posts: int, deadline: datetime, since_id: str = "", next_token: str = ""
    ) -> Answer[Page]:
        """Read the posts that mention a user, newest first, at most `max_posts`."""
        _check(_ID, user_id, "user_id")
        return self._pages(
            endpoints.MENTIONS,
            partial(self._scribe.get_users_mentions, user_id),
            (max_posts, since_id, next_token),
            deadline,
        )

    def search(
        self, query: str, *, max_posts: int, deadline: datetime, since_id: str = "", next_token: str = ""
    ) -> Answer[Page]:
        """Search the posts of the last seven days, newest first, at most `max_posts`."""
        return self._pages(
            endpoints.SEARCH,
            partial(self._scribe.search_recent_tweets, query),
            (max_posts, since_id, next_token),
            deadline,
        )

    def usage(self, *, bearer_token: str, deadline: datetime) -> Answer[AppUsage]:
        """Read the app's post reads in this billing cycle. X tells them to the app's own bearer token alone."""
        call = Call(method="GET", route=endpoints.USAGE.path, user_auth=False)
        app = AppAuthorization(bearer_token)
        reply = self.call(endpoints.USAGE, call, deadline=deadline, authorization=app)
        return replace(_answer(reply, reply.usage()), resources=0)

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
            user_auth=self._user_auth,
        )
        flags = {"made_with_ai": draft.made_with_ai, "paid_partnership": draft.paid_partnership}
        call = replace(call, body={**(call.body or {}), **{name: True for name, on in flags.items() if on}})
        reply = self.call(endpoints.CREATE_POST, call, deadline=deadline, send_by=send_by)
        return _answer(reply, reply.post())

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

    # ------------------------------------------------------------------------------------------- the engine

    def call(
        self,
        endpoint: Endpoint,
        call: Call,
        *,
        deadline: datetime,
        send_by: datetime | None = None,
        authorization: Authorization | None = None,
    ) -> Reply:
        """Carry a call out: sign, send, read, and try again where that is safe. Raises the named errors.

        After a 401 the authorization is renewed once, if its mode can: X certainly did nothing.
        """
        last = min(send_by, deadline) if send_by else deadline
        retrying = Retrying(
            retry=retry_if_exception(partial(_may_retry, endpoint)),
            wait=self._wait,
            stop=partial(self._stop, last),
            sleep=self._sleep,
            before_sleep=partial(_log_wait, endpoint),
            reraise=True,
        )
        signing = authorization or self._authorization
        attempt = partial(self._attempt, endpoint, call, signing, (last, deadline))
        try:
            return retrying(attempt)
        except Unauthorized:
            if not signing.renew(last):
                raise
            logger.info("%s: the token was rejected and is renewed", endpoint.name)
            return retrying(attempt)

    def pause(self, seconds: float, *, deadline: datetime) -> None:
        """Wait for X, if the wait ends before the deadline. Raises `NotSent` where it does not."""
        if self._clock() + timedelta(seconds=seconds) >= deadline:
            raise NotSent("X needs more time than is left", where="x", mend="try again later")
        self._sleep(seconds)

    def _attempt(
        self, endpoint: Endpoint, call: Call, authorization: Authorization, until: tuple[datetime, datetime]
    ) -> Reply:
        """Sign and send once; `until` are the last moment to send and the last for the answer."""
        last, deadline = until
        now = self._clock()
        if now >= last:
            raise NotSent(
                "no time was left to send it", where=f"{endpoint.method} {endpoint.path}", mend="try again later"
            )
        prepared = signed(call, authorization.signer(last))
        body = prepared.body or b""
        within = UPLOAD_WITHIN_SECONDS if call.file else WITHIN_SECONDS
        response = self._transport.send(
            Request(
                method=call.method,
                url=str(prepared.url),
                headers={name: _native(value) for name, value in prepared.headers.items()},
                body=body if isinstance(body, bytes) else str(body).encode(),
                send_by=last,
                within_seconds=min(within, (deadline - now).total_seconds()),
                fresh=endpoint.fresh,
            )
        )
        return read(endpoint, response, self._clock())

    def _wait(self, state: RetryCallState) -> float:
        """Wait as X's headers say, else capped exponential with full jitter (Brooker, AWS Architecture Blog, 2015)."""
        error = _error(state)
        if isinstance(error, RateLimited) and error.retry_at is not None:
            return max((error.retry_at - self._clock()).total_seconds(), 0.0) + self._rng.uniform(0.0, 1.0)
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (state.attempt_number - 1))
        return self._rng.uniform(0.0, longest)

    def _stop(self, last: datetime, state: RetryCallState) -> bool:
        """Stop after so many attempts, or where the wait would end after the last moment to send."""
        left = (last - self._clock()).total_seconds()
        return state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= left

    def _pages(
        self,
        endpoint: Endpoint,
        write: Callable[..., Call],
        extent: tuple[int, str, str],
        deadline: datetime,
    ) -> Answer[Page]:
        """Read page after page, never asking for more resources than allowed.

        An error on the first page is raised; on a later one the pages before it are given with the error: they
        are paid for.
        """
        max_posts, since_id, token = extent
        smallest, largest = endpoint.page or (1, 100)
        if max_posts < smallest:
            raise UsageError(
                f"{max_posts} posts, but X's smallest page holds {smallest}", where=endpoint.name, mend="ask for more"
            )
        if since_id:
            _check(_ID, since_id, "since_id")
        paging = "next_token" if endpoint is endpoints.SEARCH else "pagination_token"
        posts: list[Post] = []
        answer: Answer[None] = Answer(value=None)
        stopped_by = None
        while max_posts - answer.resources >= smallest:
            call = write(
                max_results=min(largest, max_posts - answer.resources),
                since_id=since_id or None,
                tweet_fields=list(POST_FIELDS),
                user_auth=self._user_auth,
                **{paging: token or None},
            )
            try:
                reply = self.call(endpoint, call, deadline=deadline)
                posts += reply.posts()
            except XError as error:
                if not posts:
                    raise
                stopped_by = error
                break
            answer = _joined(answer, reply)
            token = reply.next_token
            if not token or not reply.resources:
                break
        page = Page(
            posts=tuple(posts), complete=not token and stopped_by is None, next_token=token, stopped_by=stopped_by
        )
        return replace(answer, value=page)  # type: ignore[arg-type,return-value]  # the value's type changes

    def _done(
        self, endpoint: Endpoint, call: Call, flags: tuple[str, ...], send_by: datetime, deadline: datetime
    ) -> Answer[bool]:
        """Carry out a write whose answer confirms it with a flag that is true."""
        reply = self.call(endpoint, call, deadline=deadline, send_by=send_by)
        return _answer(reply, reply.confirm(*flags, expected=True))

    def _undone(
        self, endpoint: Endpoint, call: Call, flags: tuple[str, ...], send_by: datetime, deadline: datetime
    ) -> Answer[bool]:
        """Carry out an undoing, whose answer confirms it with a flag that is false."""
        reply = self.call(endpoint, call, deadline=deadline, send_by=send_by)
        return _answer(reply, reply.confirm(*flags, expected=False))

    @property
    def _user_auth(self) -> bool:
        return self._authorization.user_auth

    def _own_id(self) -> str:
        """Name the own user for routes that hold it."""
        if not _ID.fullmatch(self.user_id):
            raise CredentialsError(
                "the own user's id is not known", where="user_id", mend="read `me` first, or give it"
            )
        return self.user_id


def _answer(reply: Reply, value: _T) -> Answer[_T]:
    """Make the answer to a single request."""
    return Answer(
        value=value,
        limits=reply.told.limits,
        answered_at=reply.told.answered_at,
        skew_seconds=reply.told.skew_seconds,
        resources=reply.resources if reply.endpoint.is_read else 0,
    )


def _joined(before: Answer[None], reply: Reply) -> Answer[None]:
    """Add one more request's answer to those before it."""
    return Answer(
        value=None,
        limits=merged(before.limits, reply.told.limits),
        answered_at=reply.told.answered_at or before.answered_at,
        skew_seconds=max(before.skew_seconds, reply.told.skew_seconds, key=abs),
        resources=before.resources + reply.resources,
    )


def _may_retry(endpoint: Endpoint, error: BaseException) -> bool:
    """Whether trying again cannot do anything twice."""
    if isinstance(error, RateLimited):
        return error.retry_at is not None and not isinstance(error, UsageCapped)
    if isinstance(error, OutcomeOpen):
        return endpoint.retry is Retry.SAFE
    return isinstance(error, NotSent)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_wait(endpoint: Endpoint, state: RetryCallState) -> None:
    """Say what is waited for, and why."""
    logger.info(
        "%s: attempt %d failed, next in %.1f s: %s",
        endpoint.name,
        state.attempt_number,
        state.upcoming_sleep,
        _error(state),
    )


def _check(form: re.Pattern[str], value: str, where: str) -> None:
    """Refuse what is no id or name before it becomes part of a path."""
    if not form.fullmatch(value):
        raise UsageError(f"{quote(value)} is none of X's", where=where, mend="correct it")


def _native(value: str | bytes) -> str:
    """Show a header as text; requests keeps either."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
