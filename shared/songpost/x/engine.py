"""How a call is carried out: signed, sent, read, and tried again where that cannot do anything twice."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, NoReturn, TypeVar

from songpost import telemetry
from songpost.endpoints import Endpoint, Retry
from songpost.errors import NotSent, OutcomeOpen, RateLimited, Unauthorized, UsageCapped, XError
from songpost.x.answers import Reply, read
from songpost.x.authorization import Authorization
from songpost.x.nouns import Answer
from songpost.x.transport import Request, Transport
from songpost.x.wire import Call, signed

if TYPE_CHECKING:
    from tenacity import RetryCallState

logger = logging.getLogger(__name__)

WITHIN_SECONDS = 15.0
"""One exchange, from the look-up of the name to the last byte of the answer."""
UPLOAD_WITHIN_SECONDS = 60.0
"""The same for a chunk of a medium, up to 5 MB."""
ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0

_T = TypeVar("_T")


class Engine:
    """Carries calls out over a transport, with the clock, the sleep and the dice that it is given."""

    def __init__(
        self,
        authorization: Authorization,
        transport: Transport,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        rng: random.Random | None = None,
    ) -> None:
        self._authorization = authorization
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()

    def call(
        self,
        endpoint: Endpoint,
        call: Call,
        parse: Callable[[Reply], _T],
        *,
        deadline: datetime,
        send_by: datetime | None = None,
        authorization: Authorization | None = None,
    ) -> Answer[_T]:
        """Carry a call out: sign, send, read, `parse`, and try again where that is safe. Raises the named errors.

        After a 401 the authorization is renewed once, if its mode can: X certainly did nothing.
        """
        last = min(send_by, deadline) if send_by else deadline
        signing = authorization or self._authorization
        opened: list[OutcomeOpen] = []

        def attempt() -> Answer[_T]:
            try:
                with telemetry.span(
                    endpoint.key, client=True, endpoint=endpoint.name, price_class=endpoint.price.value
                ):
                    reply = self._attempt(endpoint, call, signing, (last, deadline))
                    return _answer(reply, parse(reply))
            except OutcomeOpen as error:
                opened.append(error)
                raise

        try:
            try:
                return self._carried_out(endpoint, attempt, last)
            except Unauthorized:
                if not signing.renew(last):
                    raise
                logger.info("%s: the token was rejected and is renewed", endpoint.name)
                return self._carried_out(endpoint, attempt, last)
        except (NotSent, RateLimited):
            # This try was certainly not billed, but one before it may have been.
            if opened:
                raise opened[-1] from None
            raise

    def _carried_out(self, endpoint: Endpoint, attempt: Callable[[], _T], last: datetime) -> _T:
        """Try once, and where that failed and it is safe, again until `last`."""
        try:
            return attempt()
        except XError as error:
            if not _may_retry(endpoint, error):
                raise
            failed = error
        from tenacity import Retrying, retry_if_exception  # hardly ever needed

        retrying = Retrying(
            retry=retry_if_exception(partial(_may_retry, endpoint)),
            wait=self._wait,
            stop=partial(self._stop, last),
            sleep=self._sleep,
            before_sleep=partial(_log_wait, endpoint),
            reraise=True,
        )
        tries: Iterator[Callable[[], _T]] = chain([partial(_fail, failed)], repeat(attempt))

        def following() -> _T:
            return next(tries)()

        return retrying(following)

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


def _answer(reply: Reply, value: _T) -> Answer[_T]:
    """Make the answer to a single request."""
    return Answer(
        value=value,
        limits=reply.told.limits,
        answered_at=reply.told.answered_at,
        skew_seconds=reply.told.skew_seconds,
        resources=reply.resources if reply.endpoint.is_read else 0,
    )


def _may_retry(endpoint: Endpoint, error: BaseException) -> bool:
    """Whether trying again cannot do anything twice."""
    if isinstance(error, RateLimited):
        return error.retry_at is not None and not isinstance(error, UsageCapped)
    if isinstance(error, OutcomeOpen):
        return endpoint.retry is Retry.SAFE
    return isinstance(error, NotSent)


def _fail(error: XError) -> NoReturn:
    """The first try, as it went."""
    raise error


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


def _native(value: str | bytes) -> str:
    """Show a header as text; requests keeps either."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
