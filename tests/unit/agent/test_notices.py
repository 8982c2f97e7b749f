"""What the owner is mailed: proposals at least once, the week at most once, and nothing else depends on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from songpost.account_documents import Control, Day, Usage
from songpost.agent import approvals, notices, week
from songpost.agent.approvals import Shown
from songpost.agent.events import Invocation
from songpost.core import learning_state
from songpost.core.learning_state import Reward
from songpost.errors import MailFailed
from songpost.invoking import run_writer
from songpost.mail import LoggedMail
from songpost.model import Arm, Kind, Media, Poll, State, ThreadStep
from songpost.settings import Approval, Consent, Digest
from tests.unit.agent.conftest import KEY, START, Crash, World, crashing_store
from tests.unit.core.cases import NOW, action, snapshot

EVENING = START - timedelta(hours=14)
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass
class Box:
    """A mailbox; `broken` lets every mail fail."""

    mails: list[tuple[str, str]] = field(default_factory=list)
    broken: bool = False

    def send(self, subject: str, body: str) -> None:
        """Keep the mail, or fail."""
        if self.broken:
            raise MailFailed("not published: nobody is there", where="mail", mend="check the topic")
        self.mails.append((subject, body))


def run(world: World, box: Box) -> None:
    """A live run of the writer as a function does it, with its notices."""
    session = world.session()
    session.mail = box
    try:
        run_writer(session, Invocation(mode="both"), lambda: 900.0)
    finally:
        session.close()


@pytest.fixture
def asking(world: World) -> World:
    """A world whose posts ask, on the evening before."""
    world.clock.set(EVENING)
    world.with_settings(approval=Approval(post=Consent.ASK, lead_hours=15), timezone="Europe/Berlin")
    return world


def test_a_proposal_is_mailed_once_with_all_that_a_yes_is_for(asking: World) -> None:
    """Key, kind, local time, worst price, digest and every line of the text; the next ticks mail nothing more."""
    box = Box()
    run(asking, box)
    asking.later(minutes=5)
    run(asking, box)
    proposed = asking.action()

    ((subject, body),) = box.mails
    assert "Songpost default: 1 proposal for your word" == subject
    for told in (KEY, "$0.065 at worst", f"  | {proposed.text}", "(Europe/Berlin)", "songpost approvals approve"):
        assert told in body
    assert EVENING == proposed.told_at


def test_a_mail_that_fails_is_tried_again_and_blocks_nothing(asking: World, caplog: pytest.LogCaptureFixture) -> None:
    """The tick proposes all the same, the log names the failure once a try, and the next tick mails it."""
    box = Box(broken=True)
    run(asking, box)
    assert State.PROPOSED is asking.action().state
    assert asking.action().told_at is None
    assert 1 == sum(record.__dict__.get("alarm") == "MailFailed" for record in caplog.records)
    box.broken = False
    run(asking, box)

    assert 1 == len(box.mails)
    assert asking.action().told_at is not None


def test_a_crash_after_the_mail_repeats_it(asking: World) -> None:
    """At least once: the mark is written after the mail."""
    box = Box()
    asking.tick()
    session = asking.session()
    crashing_store(session.store, iter([1]), 1, after=False)
    with pytest.raises(Crash):
        notices.send(session.desk, session.open(), box)
    session.close()
    run(asking, box)

    assert 2 == len(box.mails)


def test_what_was_decided_meanwhile_keeps_its_mark(asking: World) -> None:
    """A proposal that is edited while its mail goes out is mailed anew: the mail showed another text."""
    asking.tick()
    box = Box()

    class Slow(Box):
        def send(self, subject: str, body: str) -> None:
            box.send(subject, body)
            session = asking.session()
            approvals.edit(session.desk, session.open(), KEY, "Sow garlic before the frost.", by="ana")
            session.close()

    session = asking.session()
    notices.send(session.desk, session.open(), Slow())
    session.close()
    assert asking.action().told_at is None
    run(asking, box)

    assert "Sow garlic before the frost." in box.mails[1][1]


def test_a_store_that_fails_takes_no_summary_away(
    asking: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The tick is done; notices that meet a broken store are told by the log."""
    from songpost.errors import StoreUnavailable

    def broken(*_: object) -> None:
        raise StoreUnavailable("is gone", where="store", mend="wait")

    monkeypatch.setattr(notices, "send", broken)
    session = asking.session()
    summary, _ = run_writer(session, Invocation(mode="post"), lambda: 900.0)
    session.close()

    assert "default" == summary["account"]
    assert "no notices: StoreUnavailable" in caplog.text


def test_the_week_is_mailed_once(world: World) -> None:
    """On Monday from eight o'clock on, by whichever tick is first; not again that day, and again a week later."""
    box = Box()
    world.with_settings(digest=Digest(weekday=1, hour=8))
    for at in (MONDAY - timedelta(minutes=5), MONDAY, MONDAY + timedelta(hours=3), MONDAY + timedelta(days=1)):
        world.clock.set(at)
        run(world, box)
    assert ["Songpost default: the week to 2026-11-23"] == [subject for subject, _ in box.mails]
    world.clock.set(MONDAY + timedelta(days=7))
    run(world, box)

    assert 2 == len(box.mails)
    assert ["digest/2026-W49"] == [name for name in world.account().snapshot.versions if name.startswith("digest/")]


def test_no_week_is_mailed_unasked(world: World) -> None:
    """Without `digest` in the settings there is none."""
    box = Box()
    world.clock.set(MONDAY)
    run(world, box)

    assert [] == box.mails


def test_two_ticks_mail_the_week_once(world: World) -> None:
    """Whoever writes the mark first sends it."""
    world.with_settings(digest=Digest())
    world.clock.set(MONDAY)
    box = Box()
    first, second = world.session(), world.session()
    left, right = first.open(), second.open()
    notices.send(first.desk, left, box)
    notices.send(second.desk, right, box)
    first.close()
    second.close()

    assert 1 == len(box.mails)


def test_a_week_whose_mail_fails_is_tried_again(world: World) -> None:
    """The mark is taken back, so that the next tick sends it."""
    world.with_settings(digest=Digest())
    world.clock.set(MONDAY)
    box = Box(broken=True)
    run(world, box)
    box.broken = False
    run(world, box)
    run(world, box)

    assert 1 == len(box.mails)


def test_the_week_s_hour_is_local() -> None:
    """Eight o'clock in Auckland is Sunday evening in London."""
    settings = replace(snapshot().settings, digest=Digest(), timezone="Pacific/Auckland")
    of = snapshot(settings)
    told = replace(of, versions={"digest/2026-W48": 1})

    assert "digest/2026-W48" == notices.digest_due(of, datetime(2026, 11, 22, 19, 0, tzinfo=UTC))
    assert "" == notices.digest_due(of, datetime(2026, 11, 22, 18, 59, tzinfo=UTC))
    assert "" == notices.digest_due(told, datetime(2026, 11, 22, 20, tzinfo=UTC))


# ------------------------------------------------------------------------------------------------------ texts


def test_the_week_s_text_tells_all_in_eighty_columns() -> None:
    """Posts, money, arms, refusals by gate, what waits, and why it is paused: no line is longer than 80 columns."""
    long = "A very long text about rye and patience, " * 5
    sent = replace(action(words=long), state=State.SENT, post_id="1", posted_at=NOW)
    many = [replace(sent, key=f"post/2026-11-25/noon/{n}") for n in range(2, 30)]
    refused = replace(action(kind=Kind.REPLY), state=State.REFUSED, gate="policy")
    abandoned = replace(action(), state=State.ABANDONED)
    asks = replace(action(7, words=long), state=State.PROPOSED)
    lost = replace(action(8), state=State.UNKNOWN)
    reward = Reward(rate=1 << 10, log_rate=0, engagements=3, impressions=100)
    learned = learning_state.observe(learning_state.fresh(NOW), Arm("bread", "noon"), reward, NOW)
    of = replace(
        snapshot(),
        control=Control(paused=True, reason="X refused 5 actions in a row, " * 5),
        usage=Usage(days={"2026-11-25": Day(2, 10, 130_000, {}), "2026-11-01": Day(9, 0, 0, {})}),
        actions={one.key: one for one in (asks, lost)},
        learning=learned,
    )
    told = week.digest(of, [sent, *many, refused, abandoned], NOW)

    assert 80 >= max(len(line) for line in told.splitlines())
    for line in (
        "PAUSED",
        "songpost resume",
        "… and 9 more",
        "$0.130, for 2 writes and 10 posts or users read",
        "dollars per month",
        "bread|noon|text:",
        "1 refused, gate policy",
        "1 abandoned, gate X",
        "approve, reject or edit",
        "actions resolve",
    ):
        assert line in " ".join(told.split()), line


def test_an_empty_week_says_so() -> None:
    """An account that did nothing is told as one that did nothing."""
    told = week.digest(snapshot(), [], NOW)

    assert "Posted\n  nothing" in told
    assert "Learned\n  nothing yet" in told
    assert "PAUSED" not in told


def test_a_proposal_shows_everything_that_x_would_get() -> None:
    """Whom a reply answers and what they said, each step, media with their alt text, and the poll."""
    full = replace(
        action(kind=Kind.REPLY, words="One\nTwo"),
        target_id="20",
        target_author="miller",
        target_text="What about rye?",
        media=(Media(path="loaf.png", alt_text="A loaf."),),
        thread=(ThreadStep(text="Three"),),
        poll=Poll(options=("yes", "no"), minutes=60),
    )
    shown = Shown(action=full, micros=65_000, digest="ab" * 32 + "@65000")
    told = notices.described(shown, "UTC")
    stranger = notices.described(replace(shown, action=replace(full, target_author="")), "UTC")

    for line in ("  to @miller:", "  > What about rye?", "  | One", "  | Two", "  | Three", "  with loaf.png: A loaf."):
        assert line in told
    assert ["  post 1 of 2:", "  post 2 of 2:"] == [line for line in told if line.startswith("  post ")]
    assert told.index("  post 2 of 2:") + 1 == told.index("  | Three")
    assert "  poll: yes / no, 60 minutes" in told
    assert "  to 20:" in stranger


def test_without_a_topic_a_mail_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """On a laptop the whole mail is logged where a person sees it."""
    with caplog.at_level(logging.WARNING):
        LoggedMail().send("A subject", "The body")

    assert ["A subject\nThe body"] == [one for one in caplog.messages if "A subject" in one]
