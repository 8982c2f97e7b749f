"""Posts with pictures against the sandbox: what goes over the wire, what it costs, and what a failed upload leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from songpost.core import admission
from songpost.model import Media, State, ThreadStep
from songpost.settings import FeatureFlags, Flag, Schedule
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import KEY, Crash, World, breaking, whole

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
ALT_TEXT = "A heap of compost, steaming."
ENROLMENT_MICROS, CREATE_MICROS, ALT_TEXT_MICROS = 10_000, 15_000, 5_000
STEPS = (
    "POST /2/media/upload/initialize",
    "POST /2/media/upload/:id/append",
    "POST /2/media/upload/:id/finalize",
    "POST /2/media/metadata",
    "POST /2/tweets",
)


@pytest.fixture
def pictured(world: World) -> World:
    """A world whose every text has a picture, and whose window stays open for hours."""
    pictures = (Media(path="pictures/heap.png", alt_text=ALT_TEXT),)
    (world.folder / "pictures").mkdir()
    picture_of(world).write_bytes(PNG)
    world.texts = tuple(replace(text, media=pictures) for text in world.texts)
    world.with_settings(schedule=Schedule(windows={"noon": ("08:00", "16:00")}))
    world.later(hours=2)
    return world


def picture_of(world: World) -> Path:
    """The file that the texts name."""
    return world.folder / "pictures" / "heap.png"


def writes(world: World) -> tuple[str, ...]:
    """The writes that X heard of, in their order."""
    return tuple(record.endpoint for record in world.sandbox.requests() if record.endpoint in STEPS)


def shown(world: World) -> list[tuple[str, ...]]:
    """The alt texts of the media of every post on X."""
    media = world.sandbox.service.world.media
    return [tuple(media[media_id].alt_text for media_id in post.media_ids) for post in world.sandbox.posts()]


def until_settled(world: World) -> None:
    """Tick on until the action has come to its end."""
    for _ in range(8):
        if not world.action().is_open:
            break
        world.later(minutes=11)
        world.tick()


def test_a_post_goes_out_with_its_picture_and_alt_text(pictured: World) -> None:
    """Upload, alt text and create, once each and in this order; ledger and bill agree to the micro-dollar."""
    pictured.tick()

    action = pictured.action()
    assert (State.SENT, True) == (action.state, action.arm is not None and action.arm.media)
    assert STEPS == writes(pictured)
    assert [(ALT_TEXT,)] == shown(pictured)
    assert CREATE_MICROS + ALT_TEXT_MICROS == action.attempts[0].settled_micros
    assert ENROLMENT_MICROS + CREATE_MICROS + ALT_TEXT_MICROS == pictured.spent_micros() == pictured.bill_micros


def test_four_pictures_are_four_alt_texts(pictured: World) -> None:
    """Each picture is uploaded and described for itself; nothing is paid for before all are up."""
    four = tuple(Media(path="pictures/heap.png", alt_text=f"Heap {number}.") for number in range(4))
    pictured.texts = tuple(replace(text, media=four) for text in pictured.texts)
    pictured.tick()

    assert (*STEPS[:3] * 4, *STEPS[3:4] * 4, STEPS[4]) == writes(pictured)
    assert [tuple(f"Heap {number}." for number in range(4))] == shown(pictured)
    assert ENROLMENT_MICROS + CREATE_MICROS + 4 * ALT_TEXT_MICROS == pictured.spent_micros() == pictured.bill_micros


def test_a_picture_of_a_later_step_goes_up_with_that_step(pictured: World) -> None:
    """Of a thread each step uploads its own media right before its own create, at the price of both."""
    steps = (ThreadStep(text="And a second thing.", media=(Media(path="pictures/heap.png", alt_text=ALT_TEXT),)),)
    pictured.texts = tuple(replace(text, media=(), threads=(steps,)) for text in pictured.texts)
    for _ in range(3):
        pictured.tick()

    assert (State.SENT, 2) == (pictured.action().state, pictured.creates())
    assert (STEPS[4], *STEPS) == writes(pictured)
    assert [(), (ALT_TEXT,)] == shown(pictured)
    assert pictured.bill_micros <= pictured.spent_micros()


@pytest.mark.parametrize("kind", ["answer lost", "reset"])
@pytest.mark.parametrize("endpoint", STEPS[:3])
def test_a_lost_answer_while_uploading_costs_nothing(pictured: World, endpoint: str, kind: str) -> None:
    """The upload is begun anew within the same attempt: one post, with its alt text, at the usual price."""
    pictured.fault(kind, endpoint)
    pictured.tick()

    assert State.SENT is pictured.action().state
    assert ([(ALT_TEXT,)], 1) == (shown(pictured), pictured.creates())
    assert ENROLMENT_MICROS + CREATE_MICROS + ALT_TEXT_MICROS == pictured.spent_micros() == pictured.bill_micros


@pytest.mark.parametrize(("kind", "billed"), [("answer lost", 2), ("reset", 1)])
def test_a_lost_answer_to_the_alt_text_gives_the_create_back(pictured: World, kind: str, billed: int) -> None:
    """The post was certainly not sent: it waits, and goes out later; each alt text that may be billed counts."""
    pictured.fault(kind, STEPS[3])
    pictured.tick()

    action = pictured.action()
    assert (State.PLANNED, 0) == (action.state, pictured.creates())
    assert ("not sent", ALT_TEXT_MICROS) == (action.attempts[0].outcome, action.attempts[0].settled_micros)
    assert ENROLMENT_MICROS + ALT_TEXT_MICROS == pictured.spent_micros()
    assert () == pictured.account().snapshot.fingerprints.entries
    assert 0 == sum(pictured.account().snapshot.usage.windows.values())

    until_settled(pictured)
    assert (State.SENT, [(ALT_TEXT,)]) == (pictured.action().state, shown(pictured))
    assert ENROLMENT_MICROS + CREATE_MICROS + 2 * ALT_TEXT_MICROS == pictured.spent_micros()
    assert ENROLMENT_MICROS + CREATE_MICROS + billed * ALT_TEXT_MICROS == pictured.bill_micros


def test_a_lost_create_with_a_picture_is_found(pictured: World) -> None:
    """X shows the text with a link to the picture at its end; reconciliation knows it and sends nothing anew."""
    pictured.fault("answer lost")
    pictured.tick()
    assert State.UNKNOWN is pictured.action().state

    until_settled(pictured)
    assert (State.SENT, 1) == (pictured.action().state, pictured.creates())
    assert pictured.sandbox.posts()[0].id == pictured.action().post_id
    assert pictured.bill_micros <= pictured.spent_micros()


def test_a_create_that_never_arrived_is_sent_again_with_its_picture(pictured: World) -> None:
    """Absent twice: the picture is uploaded anew and goes out with the same words, once."""
    pictured.fault("reset")
    pictured.tick()
    until_settled(pictured)

    assert (State.SENT, [(ALT_TEXT,)]) == (pictured.action().state, shown(pictured))
    assert pictured.bill_micros <= pictured.spent_micros()


def test_a_rate_limited_create_gives_back_all_but_the_alt_text(pictured: World) -> None:
    """The 429 is not billed, the alt text before it was: the ledger says what the bill says."""
    pictured.fault("rate limited")
    pictured.tick()

    assert (State.PLANNED, "rate limited") == (pictured.action().state, pictured.action().attempts[0].outcome)
    assert ENROLMENT_MICROS + ALT_TEXT_MICROS == pictured.spent_micros() == pictured.bill_micros


@pytest.mark.parametrize("endpoint", STEPS[:4])
def test_a_refused_upload_ends_the_post_and_not_the_money(pictured: World, endpoint: str) -> None:
    """X does not want the medium: the post ends as refused, unsent; only an alt text that was asked for counts."""
    pictured.fault("status", endpoint, status=400, when="before")
    pictured.tick()

    action = pictured.action()
    assert (State.REFUSED, "media", 0) == (action.state, action.gate, pictured.creates())
    described = ALT_TEXT_MICROS if endpoint == STEPS[3] else 0
    assert ENROLMENT_MICROS + described == pictured.spent_micros()
    assert pictured.bill_micros <= pictured.spent_micros()


def test_no_credits_for_an_alt_text_pause_the_account(pictured: World) -> None:
    """A 402 on the way up is the account's, not the medium's: it pauses, and the post stays planned."""
    pictured.fault("status", STEPS[3], status=402, when="before")
    pictured.tick()

    assert (State.PLANNED, 0) == (pictured.action().state, pictured.creates())
    assert pictured.account().snapshot.control.paused


def test_a_file_that_became_something_else_is_never_sent(pictured: World) -> None:
    """What is no picture any more is refused by name before X hears of it."""
    picture_of(pictured).write_bytes(b"<html>")
    pictured.tick()

    assert (State.REFUSED, "media", ()) == (pictured.action().state, pictured.action().gate, writes(pictured))
    assert "no JPEG" in pictured.action().reason
    assert ENROLMENT_MICROS == pictured.spent_micros() == pictured.bill_micros


def test_a_file_that_is_away_is_waited_for(pictured: World) -> None:
    """A file that is not there holds its post back, at no price, until it is."""
    picture_of(pictured).rename(pictured.folder / "away.png")
    pictured.tick()
    assert (State.PLANNED, ()) == (pictured.action().state, writes(pictured))
    assert "heap.png" in pictured.action().reason
    assert ENROLMENT_MICROS == pictured.spent_micros()

    (pictured.folder / "away.png").rename(picture_of(pictured))
    until_settled(pictured)
    assert [(ALT_TEXT,)] == shown(pictured)


class Slow:
    """A wire on which one call takes its time."""

    def __init__(self, inner: Transport, world: World, path: str, seconds: int) -> None:
        self._inner, self._world, self._path, self._seconds = inner, world, path, seconds

    def send(self, request: Request) -> Response:
        """Pass on, and let the time go by."""
        answer = self._inner.send(request)
        if self._path in request.url:
            self._world.later(seconds=self._seconds)
        return answer


@pytest.mark.parametrize(
    ("path", "seconds", "creates", "alt_texts"),
    [
        ("/finalize", admission.SEND_SECONDS + admission.MEDIA_SECONDS - 1, 1, 1),
        ("/finalize", admission.SEND_SECONDS + admission.MEDIA_SECONDS, 0, 0),
        ("/metadata", admission.SEND_SECONDS + admission.MEDIA_SECONDS, 0, 1),
    ],
)
def test_no_create_leaves_after_its_send_deadline(
    pictured: World, path: str, seconds: int, creates: int, alt_texts: int
) -> None:
    """An upload that eats the whole time ends with the post unsent; what it had cost by then is kept."""
    pictured.wrap_wire = lambda wire: Slow(wire, pictured, path, seconds)
    pictured.tick()

    assert creates == pictured.creates()
    assert (State.SENT if creates else State.PLANNED) is pictured.action().state
    expected = ENROLMENT_MICROS + creates * CREATE_MICROS + alt_texts * ALT_TEXT_MICROS
    assert expected == pictured.spent_micros() == pictured.bill_micros


def test_a_short_invocation_begins_no_upload(pictured: World) -> None:
    """With time for a text alone, a post with a picture waits for the next tick."""
    pictured.tick(remaining=admission.SEND_SECONDS + admission.CALL_SECONDS + 11)
    assert () == writes(pictured)
    pictured.tick()
    assert [(ALT_TEXT,)] == shown(pictured)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_leaves_one_post(
    pictured: World, *, after: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Dying before or after any commit or call, uploads included: in the end one post, with its picture."""
    for step in range(1, 20):
        copy = anew(pictured, tmp_path_factory.mktemp("crash"))
        died = False
        breaking(copy, step, after=after)
        try:
            copy.tick()
        except Crash:
            died = True
        whole(copy)
        for _ in range(8):
            copy.later(minutes=11)
            copy.tick()
        assert [(ALT_TEXT,)] == shown(copy), step
        assert State.SENT is copy.action(KEY).state
        assert copy.bill_micros <= copy.spent_micros()
        if not died:
            break
    else:
        pytest.fail("a tick of more than 19 steps")
    assert step > len(STEPS) + 3


def anew(world: World, folder: Path) -> World:
    """A world like this one, at the time at which it began."""
    sandbox_of: Callable[..., object] = type(world.sandbox)
    clock = type(world.clock)(world.clock.now())
    (folder / "pictures").mkdir()
    (folder / "pictures" / "heap.png").write_bytes(PNG)
    return World(folder, clock, sandbox_of(clock=clock), settings=world.settings, texts=world.texts)  # type: ignore[arg-type]


def test_media_that_are_switched_off_are_refused_at_the_gate(pictured: World) -> None:
    """`allow_media: off` after the plan was made: the slot is planned anew without it, and nothing is uploaded."""
    pictured.with_settings(feature_flags=FeatureFlags(allow_media=Flag.OFF))
    pictured.tick()

    assert ((), []) == (writes(pictured), shown(pictured))
