"""The wire to DynamoDB: one table of what each answer means, bounded repeats, explicit time-outs.

`Wire` sends what pynamodb builds and tells the adapter what came of it in Songpost's own words. botocore
repeats nothing by itself here: a transaction is sent once per call of `transact` unless the answer says
that it certainly did nothing, and each request that goes out is one that this file decided on.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import CancellationReason, PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from songpost.errors import CommitRefused, CommitUnanswered, StoreError, StoreUnavailable, quote
from songpost.store.dynamodb_records import PARTITION, SORT, Row

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Pauses before repeats, each drawn between half and one and a half of it, so that rivals fall out of step."""

ABSENT = Path(PARTITION).does_not_exist()

Operation = dict[str, Any]  # as pynamodb builds it for botocore
Answer = dict[str, Any]  # as botocore reads it


class Fault(Enum):
    """What a failed request tells about itself."""

    NOT_SENT = auto()
    UNANSWERED = auto()
    THROTTLED = auto()
    CONTENDED = auto()
    IN_PROGRESS = auto()
    TOKEN_KNOWN = auto()
    CONDITION_FAILED = auto()
    NOT_ACCEPTED = auto()
    NO_TABLE = auto()
    NOT_ALLOWED = auto()


# DynamoDB Developer Guide, "Error handling" and TransactWriteItems in the API reference (read 2026-11).
_CODES = {
    "ConditionalCheckFailed": Fault.CONDITION_FAILED,
    "ConditionalCheckFailedException": Fault.CONDITION_FAILED,
    "TransactionConflict": Fault.CONTENDED,
    "TransactionConflictException": Fault.CONTENDED,
    "TransactionInProgressException": Fault.IN_PROGRESS,
    "IdempotentParameterMismatchException": Fault.TOKEN_KNOWN,
    "ThrottlingError": Fault.THROTTLED,
    "ThrottlingException": Fault.THROTTLED,
    "ProvisionedThroughputExceeded": Fault.THROTTLED,
    "ProvisionedThroughputExceededException": Fault.THROTTLED,
    "RequestLimitExceeded": Fault.THROTTLED,
    "ValidationError": Fault.NOT_ACCEPTED,
    "ValidationException": Fault.NOT_ACCEPTED,
    "ItemCollectionSizeLimitExceeded": Fault.NOT_ACCEPTED,
    "ItemCollectionSizeLimitExceededException": Fault.NOT_ACCEPTED,
    "SerializationException": Fault.NOT_ACCEPTED,
    "ResourceNotFoundException": Fault.NO_TABLE,
}
_CANCELLED = "TransactionCanceledException"
_NOT_SENT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProxyConnectionError,
)
_PASSING = frozenset({Fault.NOT_SENT, Fault.UNANSWERED, Fault.THROTTLED, Fault.CONTENDED, Fault.IN_PROGRESS})
# The gravest reason of a cancelled transaction decides: a repeat helps only where all reasons pass by themselves.
_GRAVITY = (
    Fault.NOT_ALLOWED,
    Fault.NO_TABLE,
    Fault.NOT_ACCEPTED,
    Fault.CONDITION_FAILED,
    Fault.CONTENDED,
    Fault.THROTTLED,
)

_CREDENTIALS_MEND = "check the credentials, the clock and the role's policy; `songpost doctor` helps"
_MENDS = {
    Fault.NOT_SENT: ("cannot be reached", "check the network, the region and AWS_ENDPOINT_URL_DYNAMODB"),
    Fault.UNANSWERED: ("gave no answer", "try again"),
    Fault.THROTTLED: ("takes no more requests right now", "try again in a minute"),
    Fault.CONTENDED: ("is busy with another transaction", "try again"),
    Fault.IN_PROGRESS: ("is still at work on this", "try again"),
    Fault.NO_TABLE: ("does not exist", "deploy the stack, or mend SONGPOST_STORE or the region"),
    Fault.NOT_ALLOWED: ("did not let us in", _CREDENTIALS_MEND),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a transaction that did not go through: the fault, and which operations it names."""

    fault: Fault
    positions: tuple[int, ...] = ()


def verdict_of(error: Exception) -> Verdict:
    """Tell what an exception of pynamodb or botocore says about the request."""
    cause = error.cause if isinstance(error, PynamoDBException) and error.cause else error
    if isinstance(cause, _NOT_SENT):
        return Verdict(Fault.NOT_SENT)
    if not isinstance(cause, ClientError):
        return Verdict(Fault.UNANSWERED)
    code = cause.response.get("Error", {}).get("Code", "")
    if code == _CANCELLED and isinstance(error, TransactWriteError):
        return _cancelled(error.cancellation_reasons)
    if code in _CODES:
        return Verdict(_CODES[code])
    # A code that botocore made of the status alone was not said by DynamoDB but by something in between.
    said = 400 <= _status(cause) < 500 and not code.isdigit()
    return Verdict(Fault.NOT_ALLOWED if said else Fault.UNANSWERED)


def _cancelled(reasons: Sequence[CancellationReason | None]) -> Verdict:
    """A cancelled transaction wrote nothing; its reasons stand in the order of its operations."""
    faults = [(at, _CODES.get(reason.code, Fault.NOT_ACCEPTED)) for at, reason in enumerate(reasons) if reason]
    for fault in _GRAVITY:
        if positions := tuple(at for at, found in faults if found is fault):
            return Verdict(fault, positions)
    return Verdict(Fault.CONTENDED)


def _status(error: ClientError) -> int:
    """The HTTP status; pynamodb wraps the error anew and keeps the answer on its cause only."""
    source = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    return source.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def connected(*, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS) -> Connection:
    """A connection by the credentials, region and endpoint that botocore finds; sends nothing yet.

    `host` stays open: botocore itself honours AWS_ENDPOINT_URL_DYNAMODB. `StoreUnavailable` without a region.
    """
    connection = Connection(
        connect_timeout_seconds=connect_seconds, read_timeout_seconds=read_seconds, max_retry_attempts=0
    )
    try:
        connection.client  # noqa: B018 - made here and now, so that what it lacks is said at once
    except (BotoCoreError, ValueError) as error:
        raise StoreUnavailable(
            f"no client for DynamoDB: {type(error).__name__}",
            where="dynamodb",
            mend="set AWS_DEFAULT_REGION, and an AWS_ENDPOINT_URL_DYNAMODB that is a URL, if any",
        ) from error
    return connection


class Wire:
    """One table, and every request to it."""

    def __init__(self, table: str, connection: Connection) -> None:
        self._table = table
        self._connection = connection
        with suppress(ValueError):  # a connection that has served this table before knows it
            connection.add_meta_table(MetaTable({"TableName": table, **SCHEMA}))

    def query(
        self,
        account: str,
        range_condition: Condition,
        *,
        newest_first: bool = False,
        page_rows: int | None = None,
    ) -> Iterator[Row]:
        """Yield the rows of a range of sort keys, strongly consistent, page by page."""
        start: Mapping[str, Any] | None = None  # a page's own end marker, passed back as it came

        def page_after_start() -> Answer:
            return self._connection.query(
                self._table,
                account,
                range_key_condition=range_condition,
                consistent_read=True,
                exclusive_start_key=start,
                scan_index_forward=not newest_first,
                limit=page_rows,
            )

        while True:
            page = self._tried(page_after_start)
            yield from page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def get(self, account: str, key: str) -> Row | None:
        """Read one row, strongly consistent."""
        answer = self._tried(lambda: self._connection.get_item(self._table, account, key, consistent_read=True))
        row: Row | None = answer.get("Item")
        return row

    def put_if(self, account: str, key: str, attributes: Mapping[str, object], condition: Condition) -> bool:
        """Write one row if the condition holds. Only for writes that may be repeated without harm."""
        return self._holds(
            lambda: self._connection.put_item(
                self._table, account, key, attributes=dict(attributes), condition=condition
            )
        )

    def delete_if(self, account: str, key: str, condition: Condition | None = None) -> bool:
        """Delete one row if the condition holds. Only for deletes that may be repeated without harm."""
        return self._holds(lambda: self._connection.delete_item(self._table, account, key, condition=condition))

    def transact(self, operations: Operations, name: str) -> Verdict | None:
        """Send one transaction; `None` when it is written, a verdict when DynamoDB says that it is not.

        `name` stands for this transaction in this table; its hash is the request token (36 characters), by which
        DynamoDB knows a repeat for ten minutes, across all tables of an AWS account.
        Repeats by itself only what an answer showed to have done nothing (throttled, contended).
        Raises `CommitUnanswered`, `CommitRefused`, `StoreUnavailable`.
        """
        token = hashlib.sha256(f"{self._table} {name}".encode()).hexdigest()[:36]
        verdict = Verdict(Fault.CONTENDED)
        for pause in chain(PAUSES_SECONDS, (None,)):
            try:
                answer = self._connection.transact_write_items(
                    condition_check_items=operations.checks,
                    delete_items=operations.deletes,
                    put_items=operations.puts,
                    update_items=(),
                    client_request_token=token,
                )
                _understood(answer)
            except (PynamoDBException, ResponseParserError, _NotUnderstood) as error:
                verdict = verdict_of(error)
                self._give_up_on(verdict, error)
            else:
                return None
            if verdict.fault not in _PASSING or pause is None:
                break
            _rest(pause)
        if verdict.fault is Fault.IN_PROGRESS:
            raise CommitUnanswered("is still at work on this commit", where=self._where, mend="repeat it")
        if verdict.fault is Fault.THROTTLED:
            raise self._unavailable(Fault.THROTTLED)
        return verdict

    def create_table(self) -> None:
        """Create the table, on demand, with TTL; for tests and laptops (in AWS the stack owns it)."""
        self._connection.create_table(
            self._table,
            attribute_definitions=SCHEMA["AttributeDefinitions"],
            key_schema=SCHEMA["KeySchema"],
            billing_mode="PAY_PER_REQUEST",
        )
        self._connection.update_time_to_live(self._table, "expires_at")

    def delete_table(self) -> None:
        """Delete the table with all that it holds; for tests."""
        self._connection.delete_table(self._table)

    def close(self) -> None:
        """Close the connections."""
        self._connection.client.close()

    def put(self, account: str, key: str, attributes: Mapping[str, object], condition: Condition | None) -> Operation:
        """Describe a Put for `transact`."""
        return self._connection.get_operation_kwargs(
            self._table, account, key, key="Item", attributes=dict(attributes), condition=condition
        )

    def check(self, account: str, key: str, condition: Condition | None) -> Operation:
        """Describe a ConditionCheck or a Delete for `transact`."""
        return self._connection.get_operation_kwargs(self._table, account, key, condition=condition)

    @property
    def _where(self) -> str:
        return f"dynamodb table {self._table}"

    def _holds(self, request: Callable[[], Answer]) -> bool:
        try:
            self._tried(request)
        except _ConditionFailed:
            return False
        return True

    def _tried(self, request: Callable[[], Answer]) -> Answer:
        """Send a request that may be sent again, until it is answered or the pauses are used up."""
        for pause in chain(PAUSES_SECONDS, (None,)):
            try:
                return _understood(request())
            except (PynamoDBException, BotoCoreError, ClientError, ResponseParserError, _NotUnderstood) as error:
                fault = verdict_of(error).fault
                if fault is Fault.CONDITION_FAILED:
                    raise _ConditionFailed from error
                if fault not in _PASSING or pause is None:
                    raise self._unavailable(fault, error) from error
                _rest(pause)
        raise AssertionError("the last pause is None")  # pragma: no cover - for the type checker

    def _give_up_on(self, verdict: Verdict, error: Exception) -> None:
        """Raise what ends a commit at once."""
        match verdict.fault:
            case Fault.UNANSWERED:
                raise CommitUnanswered("gave no answer", where=self._where, mend="repeat the commit") from error
            case Fault.NOT_ACCEPTED:
                raise CommitRefused(_said(error), where=self._where, mend="report it") from error
            case Fault.NOT_SENT | Fault.NO_TABLE | Fault.NOT_ALLOWED:
                raise self._unavailable(verdict.fault, error) from error
            case _:
                pass

    def _unavailable(self, fault: Fault, error: Exception | None = None) -> StoreError:
        what, mend = _MENDS.get(fault, ("refused a request of ours", "report it"))
        said = f" ({_said(error)})" if error else ""
        return StoreUnavailable(f"{what}{said}", where=self._where, mend=mend)


class _ConditionFailed(Exception):
    """A single write's condition did not hold: an answer, no fault; it never leaves this file."""


class _NotUnderstood(Exception):
    """An answer with a good status that DynamoDB did not write."""


def _understood(answer: Answer) -> Answer:
    """Refuse an answer that is not DynamoDB's own.

    botocore takes a body that is no JSON, of a captive portal say, for an empty answer: a commit would seem
    written, and a mark that was looked for absent. pynamodb asks for the capacity used with every request, so
    every answer of DynamoDB tells it.
    """
    if "ConsumedCapacity" not in answer:
        raise _NotUnderstood
    return answer


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of a transaction, in the order in which DynamoDB gives its reasons."""

    checks: Sequence[Operation]
    deletes: Sequence[Operation]
    puts: Sequence[Operation]


SCHEMA: dict[str, Any] = {  # as CreateTable takes it
    "AttributeDefinitions": [
        {"AttributeName": PARTITION, "AttributeType": "S"},
        {"AttributeName": SORT, "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": PARTITION, "KeyType": "HASH"},
        {"AttributeName": SORT, "KeyType": "RANGE"},
    ],
}


def begins(prefix: str) -> Condition:
    """The sort keys that begin so."""
    return Path(SORT).startswith(prefix)


def _rest(pause: float) -> None:
    """Sleep about that long; the jitter keeps rivals from meeting again."""
    time.sleep(pause * random.uniform(0.5, 1.5))


def _said(error: Exception) -> str:
    """The name of what went wrong; AWS's own words only where they speak of the request, never of a key."""
    cause = error.cause if isinstance(error, PynamoDBException) and error.cause else error
    if not isinstance(cause, ClientError):
        return type(cause).__name__
    said = cause.response.get("Error", {})
    code = said.get("Code", "")
    return f"{code}: {quote(said.get('Message', ''))}" if _CODES.get(code) is Fault.NOT_ACCEPTED else code
