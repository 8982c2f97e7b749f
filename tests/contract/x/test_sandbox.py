"""The client against the sandbox over HTTP, in both modes: every call, and what the account shows afterwards."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import pytest

from songpost.errors import (
    AccountBlocked,
    CreditsDepleted,
    Duplicate,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Refused,
    Suspended,
    Unreadable,
    XError,
)
from songpost.lab.sandbox import Fault, Sandbox
from songpost.lab.sandbox.server import SandboxServer
from songpost.model import Media
from songpost.x.authorization import OAuth1Authorization, OAuth2Authorization
from songpost.x.client import Client
from songpost.x.credentials import OAuth1
from songpost.x.media import attach, upload
from songpost.x.nouns import Draft
from tests.contract.x.conftest import network, now

CREATE = "POST /2/tweets"


@dataclass
class FixedToken:
    """A token that stays what it is."""

    token: str

    def access_token(self, deadline: datetime) -> str:
        """Give it."""
        del deadline
        return self.token

    def renewed(self, rejected: str, deadline: datetime) -> str:
        """Give it again."""
        del rejected, deadline
        return self.token


def soon(seconds: float = 20.0) -> datetime:
    """Give a deadline."""
    return now() + timedelta(seconds=seconds)


@pytest.fixture(params=["tweepy", "oauth2"])
def client(request: pytest.FixtureRequest, sandbox: Sandbox, server: SandboxServer) -> Iterator[Client]:
    """A client of each mode, over HTTP; it does not wait between attempts."""
    keys = sandbox.credentials()
    authorization = (
        OAuth1Authorization(
            OAuth1(
                api_key=keys.api_key,
                api_secret=keys.api_secret,
                access_token=keys.access_token,
                access_secret=keys.access_secret,
            )
        )
        if request.param == "tweepy"
        else OAuth2Authorization(FixedToken(keys.oauth2_access_token))
    )
    with network(server.url, read_seconds=1.0) as transport:
        yield Client(
            authorization, transport, clock=now, sleep=lambda _seconds: None, user_id=keys.user_id, rng=Random(0)
        )


def test_the_account_is_itself(client: Client, sandbox: Sandbox) -> None:
    """`me` and a look-up by name find the account."""
    mine = client.me(deadline=soon())

    assert (sandbox.credentials().user_id, "songpost") == (mine.value.id, mine.value.username)
    assert mine.value == client.user_by_name("songpost", deadline=soon()).value
    assert ("GET /2/users/me:user15", 75, 74) == (mine.limits[0].name, mine.limits[0].limit, mine.limits[0].remaining)
    assert abs(mine.skew_seconds) <= 2
    with pytest.raises(Refused):
        client.user_by_name("nobody_of_that_name", deadline=soon())


def test_a_post_lives_and_dies(client: Client, sandbox: Sandbox) -> None:
    """A post is created once, read in the timeline and by id, and deleted."""
    created = client.create_post(Draft(text="tea & <scones> ☕"), send_by=soon(), deadline=soon())

    page = client.timeline(client.user_id, max_posts=5, deadline=soon())
    found = client.posts([created.value.id, "1"], deadline=soon())
    assert [created.value.id] == [post.id for post in page.value.posts] == [post.id for post in found.value.posts]
    assert ("tea &amp; &lt;scones&gt; ☕", client.user_id) == (page.value.posts[0].text, page.value.posts[0].author_id)
    assert ["1"] == list(found.value.missing)
    assert "impression_count" in page.value.posts[0].metrics
    assert page.value.posts[0].created_at is not None

    assert client.delete_post(created.value.id, send_by=soon(), deadline=soon()).value
    assert [] == sandbox.posts()
    assert 1 == len(sandbox.requests(CREATE))
    with pytest.raises(Refused):
        client.delete_post(created.value.id, send_by=soon(), deadline=soon())


def test_a_post_answers_and_quotes(client: Client) -> None:
    """A reply and a quote refer to the post that they are of, and a thread step is a reply to oneself."""
    first = client.create_post(Draft(text="first https://example.org/a"), send_by=soon(), deadline=soon()).value
    reply = client.create_post(Draft(text="second", reply_to=first.id), send_by=soon(), deadline=soon()).value
    quoting = client.create_post(Draft(text="third", quote=first.id), send_by=soon(), deadline=soon()).value

    posts = {post.id: post for post in client.posts([first.id, reply.id, quoting.id], deadline=soon()).value.posts}
    assert (first.id, first.id) == (posts[reply.id].replied_to, posts[quoting.id].quoted)
    assert first.id == posts[reply.id].conversation_id
    assert ["https://example.org/a"] == [long for _, long in posts[first.id].urls]


def test_flags_arrive(client: Client, sandbox: Sandbox) -> None:
    """`made_with_ai` and `paid_partnership` are part of what X received."""
    draft = Draft(text="by hand", made_with_ai=True, paid_partnership=True)
    client.create_post(draft, send_by=soon(), deadline=soon())

    body = sandbox.requests(CREATE)[0].body
    assert '"made_with_ai": true' in str(body) or "'made_with_ai': True" in str(body)


def test_relations_are_made_and_undone(client: Client, sandbox: Sandbox) -> None:
    """Repost, like and follow, and their undoing."""
    other = sandbox.actors.add_user("lark")
    theirs = sandbox.actors.post("lark", "a song")
    for do, undo, of in (
        (client.repost, client.undo_repost, theirs.id),
        (client.like, client.undo_like, theirs.id),
        (client.follow, client.undo_follow, other.id),
    ):
        assert do(of, send_by=soon(), deadline=soon()).value
        assert undo(of, send_by=soon(), deadline=soon()).value


def test_mentions_and_search_find_what_others_wrote(client: Client, sandbox: Sandbox) -> None:
    """A mention turns up in mentions and in search, with who wrote it and whom it names."""
    sandbox.actors.add_user("lark")
    theirs = sandbox.actors.post("lark", "hello @songpost what is a song post")

    mention = client.mentions(client.user_id, max_posts=5, deadline=soon()).value
    searched = client.search("song", max_posts=10, deadline=soon()).value
    assert [theirs.id] == [post.id for post in mention.posts] == [post.id for post in searched.posts]
    assert ("songpost",) == mention.posts[0].mentions


def test_pages_are_followed_to_the_number_allowed(client: Client, sandbox: Sandbox) -> None:
    """A long timeline is read page by page, never beyond the resources allowed, and goes on where it stopped."""
    for number in range(130):
        sandbox.actors.post("songpost", f"number {number}")

    first = client.timeline(client.user_id, max_posts=120, deadline=soon())
    rest = client.timeline(client.user_id, max_posts=100, next_token=first.value.next_token, deadline=soon())
    assert (120, False) == (first.resources, first.value.complete)
    assert (10, True) == (rest.resources, rest.value.complete)
    ids = [post.id for post in (*first.value.posts, *rest.value.posts)]
    assert sorted({post.id for post in sandbox.posts()}, key=int, reverse=True) == ids
    since = client.timeline(client.user_id, max_posts=100, since_id=ids[7], deadline=soon())
    assert ids[:7] == [post.id for post in since.value.posts]


def picture(width: int) -> bytes:
    """Make a PNG of noise that does not compress, `width` pixels square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    noise = Random(width)
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(width))
    out = io.BytesIO(b"")
    out.write(b"\x89PNG\r\n\x1a\n")
    out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0)))
    out.write(chunk(b"IDAT", zlib.compress(rows, 0)))
    out.write(chunk(b"IEND", b""))
    return out.getvalue()


def test_a_picture_goes_up_in_chunks_and_with_a_post(client: Client, sandbox: Sandbox) -> None:
    """A picture larger than a chunk is uploaded in two, gets its alt text, and a post carries it."""
    data = picture(1250)
    assert 4 * 1024 * 1024 < len(data) < 5 * 1024 * 1024

    attached = attach(client, (Media(path="noise.png", alt_text="noise"),), lambda _: data, deadline=soon())
    created = client.create_post(Draft(text="look", media_ids=attached.media_ids), send_by=soon(), deadline=soon())

    kept = sandbox.service.world.media[attached.media_ids[0]]
    assert (len(data), "noise", (0, 1)) == (kept.size, kept.alt_text, kept.segments)
    post = client.posts([created.value.id], deadline=soon()).value.posts[0]
    assert 1 == len(post.media_keys)


def test_a_film_is_waited_for(client: Client, sandbox: Sandbox) -> None:
    """Processing is asked about, as seldom as X wants, until it is done."""
    client._sleep = time.sleep
    sandbox.change(replace(sandbox.rules, video_processing_seconds=0.5))

    media = upload(client, b"\0\0\0\x18ftypmp42" + bytes(1000), where="film.mp4", deadline=soon())

    assert "succeeded" == media.value.state
    assert 1 == len(sandbox.requests("GET /2/media/upload"))


def test_a_film_that_takes_too_long_was_not_sent(client: Client, sandbox: Sandbox) -> None:
    """Processing beyond the deadline ends with the post unsent."""
    sandbox.change(replace(sandbox.rules, video_processing_seconds=100))

    with pytest.raises(NotSent, match="more time"):
        upload(client, b"\0\0\0\x18ftypmp42" + bytes(1000), where="film.mp4", deadline=soon())


@pytest.mark.parametrize("endpoint", ["initialize", ":id/append", ":id/finalize"])
def test_an_upload_that_lost_an_answer_starts_over(client: Client, sandbox: Sandbox, endpoint: str) -> None:
    """A lost answer anywhere in an upload costs a second upload, not the post."""
    sandbox.inject(Fault(kind="answer lost", endpoint=f"POST /2/media/upload/{endpoint}"))

    media = upload(client, picture(20), where="p.png", deadline=soon())

    assert "succeeded" == media.value.state
    assert 2 == len(sandbox.requests("POST /2/media/upload/initialize"))


OPEN_FAULTS = [
    Fault(kind="answer lost"),
    Fault(kind="reset"),
    Fault(kind="status", status=500, when="before"),
    Fault(kind="status", status=503, when="after", shape="html"),
    Fault(kind="status", status=503, when="after", shape="empty"),
    Fault(kind="slow", seconds=2),
    Fault(kind="html"),
    Fault(kind="empty"),
    Fault(kind="truncated"),
    Fault(kind="list"),
    Fault(kind="no data"),
    Fault(kind="redirect"),
]


@pytest.mark.parametrize("fault", OPEN_FAULTS, ids=[f"{f.kind} {f.when} {f.shape}" for f in OPEN_FAULTS])
def test_a_create_that_met_a_fault_is_open_and_was_sent_once(client: Client, sandbox: Sandbox, fault: Fault) -> None:
    """Whatever happens to a create on its way, it is sent once and its outcome is open; X may have it or not."""
    sandbox.inject(replace(fault, endpoint=CREATE))

    with pytest.raises(OutcomeOpen):
        client.create_post(Draft(text="once"), send_by=soon(), deadline=soon())

    assert 1 == len(sandbox.requests(CREATE))
    assert len(sandbox.posts()) == int(fault.effect)


@pytest.mark.parametrize("fault", OPEN_FAULTS, ids=[f"{f.kind} {f.when} {f.shape}" for f in OPEN_FAULTS])
def test_a_read_that_met_a_fault_is_asked_again(client: Client, sandbox: Sandbox, fault: Fault) -> None:
    """A read survives one bad moment of any kind."""
    endpoint = "GET /2/users/:id/tweets"
    sandbox.inject(replace(fault, endpoint=endpoint))

    assert client.timeline(client.user_id, max_posts=5, deadline=soon()).value.complete
    assert 2 == len(sandbox.requests(endpoint))


@pytest.mark.parametrize("kind", ["no rate headers", "absurd rate headers", "past rate headers"])
def test_headers_that_make_no_sense_tell_nothing(client: Client, sandbox: Sandbox, kind: str) -> None:
    """Missing, absurd and past rate headers leave the answer good and tell no bucket."""
    sandbox.inject(Fault(kind=kind))

    given = client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())

    assert () == given.limits


@pytest.mark.parametrize("shape", ["healthy", "none", "spent"])
def test_a_429_certainly_did_nothing(client: Client, sandbox: Sandbox, shape: str) -> None:
    """Each shape of a 429 is told as one, with the reset where the headers tell it."""
    sandbox.inject(Fault(kind="rate limited", shape=shape, endpoint=CREATE))

    with pytest.raises(RateLimited) as caught:
        client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())

    assert (shape == "spent") == (caught.value.retry_at is not None)
    assert [] == sandbox.posts()


def test_a_clock_that_is_off_is_told_with_the_answer(client: Client, sandbox: Sandbox) -> None:
    """A Date that is five minutes off comes with the answer; the post is there all the same."""
    sandbox.inject(Fault(kind="clock skew", seconds=300))

    given = client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())

    assert abs(abs(given.skew_seconds) - 300) <= 2
    assert [given.value.id] == [post.id for post in sandbox.posts()]


REFUSALS: list[tuple[str, type[XError]]] = [
    ("duplicate", Duplicate),
    ("too long", Refused),
    ("not summoned", Refused),
    ("plan", Refused),
    ("credits", CreditsDepleted),
    ("not enrolled", Suspended),
    ("suspended", Suspended),
]


@pytest.mark.parametrize(("case", "error"), REFUSALS, ids=[case for case, _ in REFUSALS])
def test_a_no_of_x_has_its_name(client: Client, sandbox: Sandbox, case: str, error: type[XError]) -> None:
    """What X refuses comes back by name, and nothing is posted."""
    draft = Draft(text="no")
    before = 0
    if case == "duplicate":
        client.create_post(draft, send_by=soon(), deadline=soon())
        before = 1
    elif case == "too long":
        draft = Draft(text="x" * 281)
    elif case == "not summoned":
        sandbox.change(replace(sandbox.rules, plan="pay-per-use"))
        sandbox.actors.add_user("lark")
        draft = Draft(text="no", reply_to=sandbox.actors.post("lark", "a song").id)
    elif case == "plan":
        sandbox.change(replace(sandbox.rules, plan="pay-per-use"))
        sandbox.actors.add_user("lark")
        draft = Draft(text="no", quote=sandbox.actors.post("lark", "a song").id)
    elif case == "credits":
        sandbox.change(replace(sandbox.rules, plan="pay-per-use", credits_micros=0))
    elif case == "not enrolled":
        sandbox.change(replace(sandbox.rules, enrolled=False))
    else:
        sandbox.actors.suspend("songpost")

    with pytest.raises(error) as caught:
        client.create_post(draft, send_by=soon(), deadline=soon())

    assert error is type(caught.value)
    assert before == len(sandbox.posts())


def test_a_read_only_app_blocks_the_account(sandbox: Sandbox, server: SandboxServer) -> None:
    """An app without write permission is the owner's to mend, and no fault of the post."""
    sandbox.change(replace(sandbox.rules, oauth1_write=False))
    keys = sandbox.credentials()
    authorization = OAuth1Authorization(
        OAuth1(
            api_key=keys.api_key,
            api_secret=keys.api_secret,
            access_token=keys.access_token,
            access_secret=keys.access_secret,
        )
    )
    with network(server.url) as transport:
        client = Client(authorization, transport, clock=now, sleep=lambda _seconds: None)
        with pytest.raises(AccountBlocked):
            client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())


def test_a_used_up_plan_is_told_apart(client: Client, sandbox: Sandbox) -> None:
    """A monthly cap is a 429 of its own, whose healthy headers promise nothing."""
    sandbox.change(replace(sandbox.rules, monthly_posts_written=0))

    with pytest.raises(RateLimited) as caught:
        client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())
    assert ("UsageCapped", None) == (caught.value.name, caught.value.retry_at)


def test_usage_is_the_apps(client: Client, sandbox: Sandbox) -> None:
    """The app's reads are told to its own token."""
    client.create_post(Draft(text="x"), send_by=soon(), deadline=soon())
    client.timeline(client.user_id, max_posts=5, deadline=soon())

    usage = client.usage(bearer_token=sandbox.credentials().bearer_token, deadline=soon())

    assert 1 == usage.value.posts


def test_the_new_vocabulary_is_read_too(client: Client, sandbox: Sandbox) -> None:
    """X's newer words (`referenced_posts`, …) give the same post."""
    first = client.create_post(Draft(text="first"), send_by=soon(), deadline=soon()).value
    reply = client.create_post(Draft(text="second", reply_to=first.id), send_by=soon(), deadline=soon()).value
    before = client.posts([reply.id], deadline=soon()).value

    sandbox.change(replace(sandbox.rules, vocabulary="post"))

    assert before == client.posts([reply.id], deadline=soon()).value
    assert first.id == before.posts[0].replied_to


def test_unreadable_is_a_kind_of_open() -> None:
    """Whoever handles an open outcome handles an unreadable answer."""
    assert issubclass(Unreadable, OutcomeOpen)
