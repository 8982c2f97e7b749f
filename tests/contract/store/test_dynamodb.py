"""What DynamoDB adds to the contract: how many requests, what lies in the table, and what every answer means."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from pynamodb.connection import Connection

from songpost.errors import (
    CommitConflict,
    CommitRefused,
    CommitUnanswered,
    StoreError,
    StoreNewer,
    StoreUnavailable,
    StoreUnreadable,
)
from songpost.model import State
from songpost.store.codec import StoredItem, record_json
from songpost.store.dynamodb import DynamoStore, create_table, open_dynamodb
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.port import (
    Change,
    CheckDocument,
    DeleteDocument,
    DeleteItem,
    Document,
    Item,
    Loaded,
    PutAction,
    PutDocument,
    PutItem,
    Store,
    StoredAction,
)
from tests.contract.store.conftest import connection_to
from tests.contract.store.proxy import Deed, Forward, Hold, Lose, Proxy, Request, Say, cancelled, error, proxy_before
from tests.contract.store.samples import NOW, action, moved

pytestmark = pytest.mark.dynamodb_local
ACCOUNT = "default"


@dataclass(frozen=True)
class Bench:
    """A store behind a proxy before DynamoDB Local, and the table without the proxy."""

    store: Store
    proxy: Proxy
    table: str
    direct: Wire


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """One proxy for this file: each test begins with it passing everything on."""
    with proxy_before(os.environ.get("AWS_ENDPOINT_URL_DYNAMODB", "")) as proxy:
        yield proxy


@pytest.fixture
def bench(dynamodb_local: str, proxy: Proxy, aws_environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A new table, and a store that reaches it through the proxy."""
    table = f"songpost-{uuid.uuid4().hex}"
    direct = Wire(table, connection_to(dynamodb_local))
    direct.create_table()
    aws_environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    proxy.reset()
    store = DynamoStore(Wire(table, connection_to(proxy.url)), read_only=False)
    yield Bench(store, proxy, table, direct)
    store.close()
    direct.delete_table()
    direct.close()


def everything(bench: Bench) -> dict[str, dict[str, dict[str, str]]]:
    """All that lies in the account's partition, by sort key."""
    from pynamodb.expressions.operand import Path

    rows = bench.direct.query(ACCOUNT, Path("key") >= " ")
    return {row["key"]["S"]: {name: dict(value) for name, value in row.items()} for row in rows}


# --------------------------------------------------------------------------------------------------- requests


def test_post_is_three_requests(bench: Bench) -> None:
    """A load, the commit before a post and the commit after it are one request each."""
    bench.store.commit(ACCOUNT, [PutDocument(name, {}, 0) for name in ("control", "usage", "limits")], "set-up")
    bench.proxy.news()
    assert {"control", "usage", "limits"} == set(bench.store.load(ACCOUNT).documents)
    sending = action(state=State.SENDING)
    bench.store.commit(
        ACCOUNT, [CheckDocument("control", 1), PutDocument("usage", {}, 1), PutAction(sending, None)], "before"
    )
    outcome: list[Change] = [
        PutDocument("usage", {}, 2), PutDocument("limits", {}, 1),
        PutAction(moved(sending, State.SENT), StoredAction(sending, 1)),
    ]  # fmt: skip
    bench.store.commit(ACCOUNT, outcome, "after")
    assert ["Query", "TransactWriteItems", "TransactWriteItems"] == bench.proxy.news()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda store: store.load(ACCOUNT), ["Query"]),
        (lambda store: store.commit(ACCOUNT, [], "token"), []),
        (lambda store: store.action(ACCOUNT, action().key), ["GetItem"]),
        (lambda store: list(store.items(ACCOUNT, "reads")), ["Query"]),
        (lambda store: list(store.actions(ACCOUNT, limit=5)), ["Query", "Query"]),
        (lambda store: store.acquire_lease(ACCOUNT, "refresh", "us", NOW, NOW), ["PutItem"]),
        (lambda store: store.release_lease(ACCOUNT, "refresh", "us"), ["DeleteItem"]),
    ],
)
def test_requests_of_each_verb(bench: Bench, ask: Callable[[Store], object], expected: list[str]) -> None:
    """Each verb sends as few requests as it can, opening a store none."""
    assert [] == bench.proxy.news()
    bench.store.commit(ACCOUNT, [PutAction(action(), None)], "set-up")
    bench.proxy.news()
    ask(bench.store)
    assert expected == bench.proxy.news()


def test_every_read_is_consistent(bench: Bench) -> None:
    """No read that goes over the wire leaves consistency to chance."""
    store = bench.store
    store.commit(ACCOUNT, [PutAction(action(), None), PutItem("a", "b", {})], "set-up")
    store.load(ACCOUNT)
    store.action(ACCOUNT, "post/2026-11-22/noon/1")
    list(store.items(ACCOUNT, "a"))
    list(store.actions(ACCOUNT))
    list(store.export(ACCOUNT))
    with pytest.raises(CommitConflict):
        store.commit(ACCOUNT, [PutItem("a", "b", {})], "lost")
    reads = [request for request in bench.proxy.heard if request.operation != "TransactWriteItems"]
    assert len(reads) > 8
    assert {True} == {request.body["ConsistentRead"] for request in reads}


def test_load_of_many_pages(bench: Bench) -> None:
    """A load beyond 1 MB takes as many requests as it has pages, and no more."""
    for number in range(5):
        bench.store.commit(ACCOUNT, [PutDocument(f"plan/{number}", {"text": "x" * 300_000}, 0)], f"commit {number}")
    bench.proxy.news()
    assert 5 == len(bench.store.load(ACCOUNT).documents)
    assert ["Query", "Query"] == bench.proxy.news()


def test_table_and_store_by_the_environment(dynamodb_local: str) -> None:
    """A table can be made, and a store opened, by nothing but the environment as boto3 knows it."""
    table = f"songpost-{uuid.uuid4().hex}"
    create_table(table)
    with closing(open_dynamodb(table)) as store:
        store.commit(ACCOUNT, [PutDocument("control", {}, 0)], "first")
        assert ["control"] == list(store.load(ACCOUNT).documents)
    client = connection_to(dynamodb_local).client
    described = client.describe_table(TableName=table)["Table"]  # type: ignore[attr-defined]  # botocore makes its methods
    assert "PAY_PER_REQUEST" == described["BillingModeSummary"]["BillingMode"]
    to_live = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]  # type: ignore[attr-defined]
    assert ("ENABLED", "expires_at") == (to_live["TimeToLiveStatus"], to_live["AttributeName"])
    client.delete_table(TableName=table)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------- the table


def test_what_lies_in_the_table(bench: Bench) -> None:
    """Records lie under their sort keys, with what people filter by beside the body, and marks that expire."""
    sent = action("post/2026-11-21/noon/1", state=State.SENT)
    bench.store.commit(
        ACCOUNT,
        [PutDocument("control", {"b": 1, "a": "ü"}, 0), PutAction(action(), None), PutAction(sent, None),
         PutItem("reads", "7/x", {}, expires_at=NOW)],
        "token",
    )  # fmt: skip
    bench.store.acquire_lease(ACCOUNT, "refresh", "us", NOW, NOW)
    found = everything(bench)
    beside = {"state": {"S": "planned"}, "kind": {"S": "post"}, "due_at": {"S": "2026-11-22T08:14:00.000000Z"}}
    assert {
        "live/doc/control", "live/action/post/2026-11-22/morning/1", "past/2026-11-21/post/2026-11-21/noon/1",
        "item/reads/7/x", "lease/refresh", "commit/token",
    } == set(found)  # fmt: skip
    assert {"S": '{"a":"ü","b":1}'} == found["live/doc/control"]["body"]
    assert {"N": "1"} == found["live/doc/control"]["version"]
    assert beside == {name: found["live/action/post/2026-11-22/morning/1"][name] for name in beside}
    assert {"S": "sent"} == found["past/2026-11-21/post/2026-11-21/noon/1"]["state"]
    assert {"N": str(int(NOW.timestamp()))} == found["item/reads/7/x"]["expires_at"]
    assert {"N": str(int(NOW.timestamp()) + 86_400)} == found["lease/refresh"]["expires_at"]
    kept_days = (int(found["commit/token"]["expires_at"]["N"]) - time.time()) / 86_400
    assert 7 <= kept_days <= 8


@pytest.mark.parametrize(
    ("key", "attributes", "expected", "said"),
    [
        ("live/doc/control", {"version": {"N": "1"}}, StoreUnreadable, "no attribute body"),
        ("live/doc/control", {"body": {"S": "{}"}}, StoreUnreadable, "no attribute version"),
        ("live/doc/control", {"body": {"S": "{"}, "version": {"N": "1"}}, StoreUnreadable, "does not decode"),
        ("live/action/x", {"body": {"S": "{}"}, "version": {"N": "1"}}, StoreUnreadable, "schema_version"),
        ("live/action/x", {"body": {"S": '{"schema_version":2}'}, "version": {"N": "1"}}, StoreNewer, "2"),
        ("live/thing/x", {}, StoreNewer, "does not know"),
    ],
)  # fmt: skip
def test_record_at_fault(
    bench: Bench, key: str, attributes: dict[str, object], expected: type[StoreError], said: str
) -> None:
    """A record that does not read exactly stops the load by its name."""
    from songpost.store.dynamodb_wire import ABSENT

    bench.direct.put_if(ACCOUNT, key, attributes, ABSENT)
    with pytest.raises(expected, match=said) as caught:
        bench.store.load(ACCOUNT)
    assert key.removeprefix("live/doc/") in caught.value.where


def test_action_in_the_wrong_place(bench: Bench) -> None:
    """A closed action among the open ones is a fault, not an open action."""
    bench.store.commit(ACCOUNT, [PutAction(action(), None)], "first")
    row = everything(bench)["live/action/post/2026-11-22/morning/1"]
    body = {"S": row["body"]["S"].replace('"state":"planned"', '"state":"sent"')}
    from pynamodb.expressions.operand import Path

    bench.direct.put_if(ACCOUNT, row["key"]["S"], {**row, "body": body}, Path("account").exists())
    with pytest.raises(StoreUnreadable, match="in state sent"):
        bench.store.load(ACCOUNT)


# ----------------------------------------------------------------------------- answers: reads, leases, listings


THROTTLED = error("ProvisionedThroughputExceededException")
BROKEN = error("InternalServerError", status=500)


PASSING = [
    THROTTLED,
    error("ThrottlingException"),
    BROKEN,
    error("ServiceUnavailable", status=503),
    Lose(after=True),
    Lose(after=False),
    Say(200, b"<html>"),
    Say(502, b""),
    Say(408, b"<html>"),
]


@pytest.mark.parametrize("deed", PASSING)
def test_read_is_asked_again(bench: Bench, deed: Deed) -> None:
    """A read or a lease that meets a passing fault is asked again, and says what is so."""
    bench.store.commit(ACCOUNT, [PutDocument("control", {}, 0)], "first")
    bench.proxy.first(deed, deed, of="Query")
    assert {"control": Document("control", 1, {})} == bench.store.load(ACCOUNT).documents
    bench.proxy.first(deed, of="PutItem")
    assert bench.store.acquire_lease(ACCOUNT, "refresh", "us", NOW, NOW)
    bench.proxy.first(deed, of="DeleteItem")
    bench.store.release_lease(ACCOUNT, "refresh", "us")
    assert "lease/refresh" not in everything(bench)


@pytest.mark.parametrize(
    ("deed", "said", "requests"),
    [
        (THROTTLED, "no more requests", 6),
        (BROKEN, "no answer", 6),
        (Lose(after=False), "no answer", 6),
        (error("AccessDeniedException"), "credentials", 1),
        (error("UnrecognizedClientException"), "credentials", 1),
        (error("ExpiredTokenException"), "credentials", 1),
        (error("ResourceNotFoundException"), "deploy the stack", 1),
        (error("ValidationException"), "report it", 1),
    ],
)
def test_read_that_goes_wrong(bench: Bench, deed: Deed, said: str, requests: int) -> None:
    """A read that cannot be answered is a named error after a bounded number of requests."""
    bench.proxy.first(*[deed] * 20, of="Query")
    with pytest.raises(StoreUnavailable, match=said) as caught:
        bench.store.load(ACCOUNT)
    assert f"dynamodb table {bench.table}" == caught.value.where
    assert ["Query"] * requests == bench.proxy.news()


def test_no_secret_in_an_error(bench: Bench) -> None:
    """What AWS says about a signature stays out of our errors."""
    body = {"__type": "InvalidSignatureException", "message": "the canonical string AKIA17 should have been s3cr3t"}
    bench.proxy.first(Say(403, json.dumps(body).encode()), of="Query")
    with pytest.raises(StoreUnavailable, match="InvalidSignatureException") as caught:
        bench.store.load(ACCOUNT)
    assert "s3cr3t" not in str(caught.value)


# ---------------------------------------------------------------------------------------- answers: commits

CHANGES: list[Change] = [PutDocument("usage", {"n": 1}, 0), PutAction(action(), None), PutItem("log", "1", {})]
WRITTEN = {"usage": Document("usage", 1, {"n": 1})}


@pytest.mark.parametrize(
    "deed",
    [
        THROTTLED,
        error("ThrottlingException"),
        error("RequestLimitExceeded"),
        error("TransactionInProgressException"),
        cancelled("TransactionConflict", "None", "None", "None", "None"),
        cancelled("None", "ThrottlingError", "TransactionConflict", "None", "None"),
        cancelled(*["None"] * 5),
    ],
)
def test_commit_that_may_be_sent_again(bench: Bench, deed: Deed) -> None:
    """An answer that shows that nothing was done is followed by the very same request until it is through."""
    bench.proxy.first(deed, deed)
    bench.store.commit(ACCOUNT, CHANGES, "token")
    bodies = [request.body for request in bench.proxy.heard]
    assert ["TransactWriteItems"] * 3 == bench.proxy.news()
    assert bodies[0] == bodies[1] == bodies[2]
    assert 36 == len(bodies[0]["ClientRequestToken"])
    assert WRITTEN == bench.store.load(ACCOUNT).documents


@pytest.mark.parametrize(
    ("deed", "expected", "said", "requests"),
    [
        (THROTTLED, StoreUnavailable, "no more requests", 6),
        (cancelled("ThrottlingError", *["None"] * 4), StoreUnavailable, "no more requests", 6),
        (cancelled("TransactionConflict", *["None"] * 4), CommitConflict, "held by another commit", 7),
        (error("TransactionInProgressException"), CommitUnanswered, "still at work", 6),
        (cancelled("None", "ConditionalCheckFailed", *["None"] * 3), CommitConflict, "moved meanwhile", 2),
        (cancelled("TransactionConflict", "ConditionalCheckFailed", *["None"] * 3), CommitConflict, "moved", 2),
        (cancelled("None", "ValidationError", *["None"] * 3), CommitRefused, "", 1),
        (error("ValidationException"), CommitRefused, "ValidationException", 1),
        (error("AccessDeniedException"), StoreUnavailable, "credentials", 1),
        (error("ResourceNotFoundException"), StoreUnavailable, "deploy the stack", 1),
        (BROKEN, CommitUnanswered, "no answer", 1),
        (error("ServiceUnavailable", status=503), CommitUnanswered, "no answer", 1),
        (Say(200, b"<html>"), CommitUnanswered, "no answer", 1),
        (Say(400, b"<html>"), CommitUnanswered, "no answer", 1),
        (Say(307, b""), CommitUnanswered, "no answer", 1),
        (Lose(after=False), CommitUnanswered, "no answer", 1),
    ],
)
def test_commit_that_does_not_go_through(
    bench: Bench, deed: Deed, expected: type[StoreError], said: str, requests: int
) -> None:
    """Every answer has its one meaning, and a bounded number of requests; nothing is written, and a repeat works."""
    bench.proxy.first(*[deed] * 20)
    with pytest.raises(expected) as caught:
        bench.store.commit(ACCOUNT, CHANGES, "token")
    assert said in str(caught.value)
    assert requests == len(bench.proxy.news())
    assert {} == everything(bench)
    bench.proxy.first()
    bench.store.commit(ACCOUNT, CHANGES, "token")
    assert WRITTEN == bench.store.load(ACCOUNT).documents


def fresh_token(request: Request) -> Deed:
    """Pass a transaction on under a token that DynamoDB has not seen: as if ten minutes had passed."""
    if request.operation != "TransactWriteItems":
        return Forward()
    return Forward({**request.body, "ClientRequestToken": uuid.uuid4().hex})


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "deed", [Lose(after=True), error("InternalServerError", status=500, after=True), Say(200, b"{", after=True)]
)
def test_lost_answer(bench: Bench, deed: Deed, *, late: bool) -> None:
    """A commit that was written and not answered is open; its repeat succeeds and writes nothing, soon or late."""
    bench.proxy.first(deed)
    with pytest.raises(CommitUnanswered):
        bench.store.commit(ACCOUNT, CHANGES, "token")
    before = everything(bench)
    assert {"N": "1"} == before["live/doc/usage"]["version"]
    if late:
        bench.proxy.script = fresh_token
    bench.proxy.news()
    bench.store.commit(ACCOUNT, CHANGES, "token")
    assert ["TransactWriteItems", *(["GetItem"] if late else [])] == bench.proxy.news()
    assert before == everything(bench)


@pytest.mark.parametrize("late", [False, True])
def test_lost_answer_is_told_from_a_lost_race(bench: Bench, *, late: bool) -> None:
    """After a lost answer and another's later commit, the repeat knows that it was written; who lost knows that too."""
    bench.proxy.first(Lose(after=True))
    with pytest.raises(CommitUnanswered):
        bench.store.commit(ACCOUNT, CHANGES, "ours")
    theirs: list[Change] = [PutDocument("usage", {"n": 2}, 1), DeleteItem("log", "1")]
    bench.store.commit(ACCOUNT, theirs, "theirs")
    bench.store.commit(ACCOUNT, [DeleteDocument("usage", 2)], "theirs again")
    if late:
        bench.proxy.script = fresh_token
    bench.store.commit(ACCOUNT, CHANGES, "ours")
    with pytest.raises(CommitConflict, match="document usage"):
        bench.store.commit(ACCOUNT, theirs, "a third")
    assert {} == bench.store.load(ACCOUNT).documents


def test_lost_answer_over_midnight(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeat after midnight sends other bytes (its mark would be kept a day longer), and still knows its own."""
    midnight = 1_800_057_600
    monkeypatch.setattr(time, "time", lambda: midnight - 1)
    bench.proxy.first(Lose(after=True))
    with pytest.raises(CommitUnanswered):
        bench.store.commit(ACCOUNT, CHANGES, "token")
    monkeypatch.setattr(time, "time", lambda: midnight + 1)
    bench.proxy.news()
    bench.store.commit(ACCOUNT, CHANGES, "token")
    assert ["TransactWriteItems", "GetItem"] == bench.proxy.news()
    assert WRITTEN == bench.store.load(ACCOUNT).documents


def test_lost_answer_that_nobody_can_explain(bench: Bench) -> None:
    """Where the look for the mark is not answered either, or DynamoDB knows a token without a mark, all stays open."""
    bench.store.commit(ACCOUNT, [PutDocument("usage", {}, 0)], "first")
    bench.proxy.first(*[Lose(after=False)] * 6, of="GetItem")
    with pytest.raises(CommitUnanswered):
        bench.store.commit(ACCOUNT, CHANGES, "token")
    bench.proxy.first(error("IdempotentParameterMismatchException"))
    with pytest.raises(CommitUnanswered, match="knows the token"):
        bench.store.commit(ACCOUNT, CHANGES, "token")


def _quick(bench: Bench) -> Iterator[tuple[Connection, Store]]:
    connection = connected(read_seconds=0.2)
    with closing(DynamoStore(Wire(bench.table, connection), read_only=False)) as store:
        yield connection, store


@pytest.mark.parametrize("after", [False, True])
def test_answer_that_does_not_come(bench: Bench, *, after: bool) -> None:
    """A commit whose answer does not come in time is open, and the repeat settles it."""
    for _, store in _quick(bench):
        bench.proxy.first(Hold(after=after))
        with pytest.raises(CommitUnanswered):
            store.commit(ACCOUNT, CHANGES, "token")
        assert after == ("live/doc/usage" in everything(bench))
        store.commit(ACCOUNT, CHANGES, "token")
        assert WRITTEN == store.load(ACCOUNT).documents


@pytest.mark.usefixtures("aws_environment")
def test_time_outs_are_explicit() -> None:
    """No request waits for botocore's minute: two seconds to connect, five to read; botocore repeats nothing."""
    connection = connected()
    config = vars(connection.client.meta.config)  # its stubs do not name what it is made of
    assert {"connect_timeout": 2.0, "read_timeout": 5.0} == {
        name: config["_user_provided_options"][name] for name in ("connect_timeout", "read_timeout")
    }
    assert 1 == config["_user_provided_options"]["retries"]["total_max_attempts"]
    connection.client.close()


def test_nobody_there(aws_environment: pytest.MonkeyPatch) -> None:
    """Where nobody listens, nothing was written, and the error says where to look."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    aws_environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    with closing(open_dynamodb("songpost")) as store:
        with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL_DYNAMODB"):
            store.commit(ACCOUNT, CHANGES, "token")
        with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL_DYNAMODB"):
            store.load(ACCOUNT)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"])
def test_half_an_environment(aws_environment: pytest.MonkeyPatch, missing: str) -> None:
    """Without credentials or a region there is a named error and no request."""
    aws_environment.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    for name in (missing, "AWS_REGION"):
        aws_environment.delenv(name, raising=False)
    with pytest.raises(StoreUnavailable, match=r"AWS_DEFAULT_REGION|cannot be reached"):
        open_dynamodb("songpost").load(ACCOUNT)


# ---------------------------------------------------------------------------------------------------- import


def _records(count: int) -> list[dict[str, object]]:
    return [dict(record_json(StoredItem("log", Item(f"{number:03}", {}), None))) for number in range(count)]


def test_import_cut_off_is_begun_anew(bench: Bench) -> None:
    """A load refuses an account whose import was cut off; running the import again makes it whole."""
    first = _records(200)
    bench.proxy.first(Forward(), *[Lose(after=True)] * 4)
    with pytest.raises(StoreUnavailable, match="run the import again"):
        bench.store.import_(ACCOUNT, first)  # type: ignore[arg-type]  # JSON, said more loosely
    assert len(everything(bench)) > 90
    with pytest.raises(StoreUnreadable, match="import"):
        bench.store.load(ACCOUNT)
    second = _records(120)
    assert 120 == bench.store.import_(ACCOUNT, second)  # type: ignore[arg-type]
    assert second == list(bench.store.export(ACCOUNT))
    assert Loaded() == bench.store.load(ACCOUNT)


def test_import_with_lost_answers(bench: Bench) -> None:
    """Answers that are lost on the way cost an import nothing."""
    records = _records(200)
    bench.proxy.script = lambda request: Lose(after=True) if request.number % 2 == 0 else Forward()
    assert 200 == bench.store.import_(ACCOUNT, records)  # type: ignore[arg-type]
    bench.proxy.first()
    assert records == list(bench.store.export(ACCOUNT))


def test_import_meets_a_writer(bench: Bench) -> None:
    """A record that somebody writes between the look and the import is not written over."""

    def script(request: Request) -> Deed:
        if request.operation == "TransactWriteItems" and request.number == 0:
            from songpost.store.dynamodb_wire import ABSENT

            bench.direct.put_if(ACCOUNT, "item/log/050", {"body": {"S": '{"theirs":1}'}}, ABSENT)
        return Forward()

    bench.proxy.script = script
    with pytest.raises(CommitConflict, match="somebody else writes"):
        bench.store.import_(ACCOUNT, _records(100))  # type: ignore[arg-type]
    assert {"S": '{"theirs":1}'} == everything(bench)["item/log/050"]["body"]


def test_import_meets_another_import(bench: Bench) -> None:
    """Of two imports that find an account empty, one gives way, and the other's sign stands."""

    def script(request: Request) -> Deed:
        if request.operation == "PutItem":
            from songpost.store.dynamodb_wire import ABSENT

            bench.direct.put_if(ACCOUNT, "live/import", {"import_id": {"S": "theirs"}}, ABSENT)
        return Forward()

    bench.proxy.script = script
    with pytest.raises(CommitConflict, match="another import"):
        bench.store.import_(ACCOUNT, _records(1))  # type: ignore[arg-type]
    assert {"S": "theirs"} == everything(bench)["live/import"]["import_id"]


def test_action_that_closes_while_listed(bench: Bench) -> None:
    """An action that closes between the two looks of a listing is shown once, as it is now."""
    sent = moved(action(), State.SENT)
    direct = DynamoStore(bench.direct, read_only=False)
    direct.commit(ACCOUNT, [PutAction(action(), None)], "first")

    def script(request: Request) -> Deed:
        if request.operation == "Query" and request.number == 1:
            direct.commit(ACCOUNT, [PutAction(sent, StoredAction(action(), 1))], "second")
        return Forward()

    bench.proxy.script = script
    assert [StoredAction(sent, 2)] == list(bench.store.actions(ACCOUNT))


def test_import_whose_sign_is_gone(bench: Bench) -> None:
    """An import writes nothing once its sign has been taken down: loads would no longer be barred."""

    def script(request: Request) -> Deed:
        if request.operation == "TransactWriteItems":
            bench.direct.delete_if(ACCOUNT, "live/import")
        return Forward()

    bench.proxy.script = script
    with pytest.raises(CommitConflict, match="somebody else writes"):
        bench.store.import_(ACCOUNT, _records(3))  # type: ignore[arg-type]
    assert {} == everything(bench)
