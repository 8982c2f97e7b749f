"""What the life of an account in a random fault program holds: its texts, its settings, its weather, and its people.

Each trait is drawn from the seed by dice of its own, so that programs have every mixture of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from songpost.core.content import REPLIES
from songpost.model import Media, Text, ThreadStep
from songpost.money_settings import Budget
from songpost.settings import Approval, Consent, PerKind, Schedule, Settings, Similarity
from tests.unit.agent.conftest import NO_READING, SETTINGS

WORDS = (
    "Mulch after rain, not before it.", "Leeks do not mind frost & wait in the ground <all winter>.",
    "The cheapest greenhouse is a south wall with an old window.", "Write down what you planted where.",
    "Rye wants more water than you think.", "A loaf is done at 96 degrees inside.",
    "Steam for fifteen minutes, dry heat after that.", "Cold dough is easier to score with a blade.",
    "Two pairs of socks weigh almost nothing.", "Turn around while you still want to go on.",
    "Fog in the valley means sun on the ridge.", "Paper maps do not run out of battery.",
)  # fmt: skip
CREATE_FAULTS = (
    {"kind": "answer lost"}, {"kind": "reset"}, {"kind": "status", "status": 500, "when": "after"},
    {"kind": "status", "status": 503, "when": "before"}, {"kind": "slow", "seconds": 60}, {"kind": "html"},
    {"kind": "empty"}, {"kind": "truncated"}, {"kind": "list"}, {"kind": "no data"}, {"kind": "redirect"},
    {"kind": "no rate headers"}, {"kind": "absurd rate headers"}, {"kind": "past rate headers"},
    {"kind": "rate limited"}, {"kind": "status", "status": 403, "when": "before"},
    {"kind": "status", "status": 402, "when": "before"}, {"kind": "late", "seconds": 540},
    {"kind": "late", "seconds": 540},
)  # fmt: skip
LOST_CREATES = (
    {"kind": "answer lost"}, {"kind": "reset"}, {"kind": "status", "status": 500, "when": "after"},
    {"kind": "slow", "seconds": 60}, {"kind": "html"},
)  # fmt: skip
NOTHING_SENT = ({"kind": "reset"}, {"kind": "status", "status": 503, "when": "before"})
LIMITED = ({"kind": "rate limited"}, {"kind": "rate limited", "shape": "none"})
READ_FAULTS = ({"kind": "answer lost"}, {"kind": "status", "status": 503}, {"kind": "html"}, {"kind": "truncated"})
UPLOAD_FAULTS = (
    {"kind": "answer lost"}, {"kind": "reset"}, {"kind": "status", "status": 503, "when": "before"},
    {"kind": "rate limited"}, {"kind": "status", "status": 403, "when": "before"}, {"kind": "html"},
)  # fmt: skip
UPLOADING = (
    "POST /2/media/upload/initialize",
    "POST /2/media/upload/:id/append",
    "POST /2/media/upload/:id/finalize",
    "POST /2/media/metadata",
)
SYLLABLES = tuple(f"{first}{second}" for first in "bdklmn" for second in "aeiou")
PICTURE = Media(path="heap.png", alt_text="A heap of compost, steaming.")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
THREAD_USD = Decimal("0.40")
"""What the ceiling of a program with threads is higher by: a thread of four holds 260,000 micro-dollars at worst."""
MENTIONS_USD = Decimal("0.30")
"""The same for a program in which people ask: what its reader may spend in a day, and a few answers."""


@dataclass(frozen=True)
class Weather:
    """What goes wrong in a program, and how often.

    In each round `create` calls to create a post meet a fault of `creates` on average, a read of the own timeline one
    by the chance of `read`, and a step of an upload one by that of `upload`. At each of its points a process dies by
    the chance of `crash` and freezes by that of `freeze`, at a call to X by that of `freeze_at_call`; in each later
    round it stays frozen by the chance of `asleep`.
    """

    creates: tuple[Mapping[str, Any], ...] = CREATE_FAULTS
    create: float = 0.5
    read: float = 0.4
    upload: float = 0.7
    crash: float = 0.01
    freeze: float = 0.01
    freeze_at_call: float = 0.01
    asleep: float = 0.0
    rounds: tuple[int, int] = (4, 9)
    ticks: tuple[int, ...] = (1, 1, 1, 2, 3)
    """How many ticks of the writer a round has side by side, one of these."""
    minutes: tuple[int, ...] = (1, 5, 5, 17, 40)
    """How long a round lasts, one of these."""
    by_hand: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    """How many posts the owner makes in a round, one of these."""
    usd: tuple[str, ...] = ("0.14", "0.25", "1.00")
    burst_days: tuple[float | None, ...] = (None, None, 7.0)
    slots: tuple[int, ...] = (1, 2)
    """How many posts a window holds, one of these."""
    lag_seconds: float = 0.0
    """How long X takes to show a post: less than the ten minutes after which one that is not there counts as absent."""
    pictured: bool = False
    """Texts have pictures, whatever else they are."""
    harsh: bool = False
    """X charges the full price for the account's own posts and takes the same words twice, and nothing bad is spent on
    idle hours: the account is known before it begins, and a round ends when the next post is due, or lasts until then
    while no outcome is open.
    """
    scarce: bool = False
    """The money binds: no threads, and no more of it for answers."""


CALM = Weather(create=0.0, read=0.0, crash=0.0, freeze=0.0, freeze_at_call=0.0)
CHANGEABLE = Weather()
WEATHERS = {
    # Answers get lost, and X shows posts late: is what cannot be seen absent?
    "silent": Weather(
        creates=LOST_CREATES,
        create=2.5,
        read=0.1,
        rounds=(8, 12),
        ticks=(1, 1, 1, 2),
        minutes=(3, 3, 4, 5),
        usd=("1.00",),
        lag_seconds=540,
        harsh=True,
    ),
    # Processes freeze at a call and wake an hour later: do they still send, or judge by what X showed then?
    "drowsy": Weather(
        creates=LOST_CREATES,
        create=0.3,
        freeze_at_call=0.15,
        asleep=0.6,
        rounds=(6, 11),
        minutes=(3, 11, 40),
        usd=("1.00",),
        lag_seconds=540,
        harsh=True,
    ),
    # Many ticks at once, and most of them die: who has booked what X bills?
    "deadly": Weather(
        create=0.1,
        read=0.1,
        crash=0.05,
        freeze_at_call=0.05,
        rounds=(6, 9),
        ticks=(2, 3, 3),
        minutes=(1, 3, 17),
        harsh=True,
    ),
    # X limits nearly every create: is a place given back that was not used?
    "limited": Weather(creates=LIMITED, create=0.9, rounds=(6, 9), minutes=(1, 5, 16), harsh=True),
    # Uploads fail, at any step and for good: does a post go out without its picture?
    "botched": Weather(create=0.1, read=0.1, upload=1.0, rounds=(6, 9), minutes=(1, 5, 16), pictured=True, harsh=True),
    # More posts are due than there is money for.
    "poor": Weather(create=0.1, usd=("0.12", "0.16"), burst_days=(None,), slots=(5,), harsh=True, scarce=True),
    # There is money for them in the month, but not for all of them at once.
    "hasty": Weather(create=0.1, read=0.1, usd=("0.50",), burst_days=(7.0,), slots=(5,), harsh=True, scarce=True),
    # What was not sent is looked for among many posts of the owner's, with little money.
    "crowded": Weather(
        creates=NOTHING_SENT,
        create=0.7,
        minutes=(5, 17, 40),
        by_hand=(4, 12),
        usd=("0.14", "0.16"),
        burst_days=(None,),
        harsh=True,
        scarce=True,
    ),
}
"""The weathers besides changeable, each hard on other guards (`tests/faults/guards.py` takes them out)."""


@dataclass(frozen=True)
class Life:
    """What happens in a program, besides posts that are planned and faults."""

    threads: bool
    pictures: bool
    asks: bool
    """Posts wait for a person's word."""
    answers: bool
    """People mention the account, its reader finds them, and its writer replies."""
    interrupted: bool
    """A person pauses and resumes."""
    weather: Weather


def life_of(seed: int) -> Life:
    """The traits of a program: threads in every other one, each further trait in about a quarter, and the weather:
    changeable in three of ten, else one of the others.
    """
    sky = random.Random(f"{seed}/weather")
    weather = CHANGEABLE if sky.random() < 0.3 else WEATHERS[sky.choice(sorted(WEATHERS))]
    threads = random.Random(f"{seed}/threads").random() < 0.5 and not weather.scarce
    dice = random.Random(f"{seed}/life")
    pictures, asks, answers, interrupted = (dice.random() < share for share in (0.25, 0.25, 0.25, 0.2))
    return Life(threads, pictures or weather.pictured, asks, answers, interrupted, weather)


def texts_of(seed: int, life: Life) -> tuple[Text, ...]:
    """The library: of a threaded life half of the texts have two to four steps, of a pictured one half a picture."""
    dice = random.Random(f"{seed}/threads")
    texts: list[Text] = []
    for number, words in enumerate(WORDS):
        further = dice.randint(1, 3) if life.threads and dice.random() < 0.6 else 0
        steps = tuple(ThreadStep(text=babble(dice)) for _ in range(further))
        topic = ("a", "b", "c")[number % 3]
        media = (PICTURE,) if life.pictures and dice.random() < 0.8 else ()
        threads = (steps,) if steps else ()
        texts.append(Text(id=f"t{number}", topic=topic, variants=(words,), threads=threads, media=media))
    if life.answers:
        texts += [Text(id=f"r{number}", topic=REPLIES, variants=(babble(dice),)) for number in range(8)]
    return tuple(texts)


def babble(dice: random.Random) -> str:
    """Eight words that nobody has said before."""
    return " ".join("".join(dice.choices(SYLLABLES, k=3)) for _ in range(8)) + "."


def settings_of(seed: int, life: Life, dice: random.Random) -> Settings:
    """The owner's settings: a ceiling that is soon reached, two windows, and at times a pace for the money."""
    more = (THREAD_USD if life.threads else 0) + (MENTIONS_USD if life.answers else 0)
    post = dice.choice(life.weather.slots)
    gap = dice.choice((0, 10))
    usd = Decimal(dice.choice(life.weather.usd)) + (0 if life.weather.scarce else more)
    return replace(
        SETTINGS,
        topics=("a", "b", "c"),
        schedule=Schedule(windows={"one": ("08:00", "10:00"), "two": ("10:30", "13:00")}),
        max_per_window=PerKind(post=post, reply=2),
        minimum_gap_minutes=gap,
        similarity=Similarity(threshold=0.9, window_days=30),
        jitter_seconds=(0, 30),
        approval=Approval(
            lead_hours=1.0,
            post=Consent.ASK if life.asks else Consent.AUTO,
            reply=Consent.AUTO,
        ),
        reading=replace(NO_READING, mentions_every_minutes=15, usd_per_day=Decimal("0.20"))
        if life.answers
        else NO_READING,
        budget=Budget(
            usd_per_month=usd,
            usd_per_day=None,
            burst_days=random.Random(f"{seed}/pace").choice(life.weather.burst_days),
        ),
    )


def furnish(folder: Path, life: Life) -> None:
    """Put the files that the texts name where they are looked for."""
    if life.pictures:
        (folder / PICTURE.path).write_bytes(PNG)
