"""A virtual audience: what posts earn, how that changes, when it comes in, and the people who speak to the account.

Everything follows from a seed, drawn by own code from `random()` alone, and nothing of Songpost's learner is
imported. The engagement rate of an arm is BASE_RATE times effects of its topic, window, media and cell, normal on the
log scale. They drift (Ornstein-Uhlenbeck), and at times topics and cells are drawn anew from one day to the next.
How many see a post depends on the hour and the weekday where the audience lives, on the followers, and on luck with a
heavy tail; likes and the rest are Poisson, and come in over days: half within two hours, 95 % within one day (Pfeffer,
Matter and Sargsyan 2023, "The half-life of a tweet").
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from songpost.model import Arm

BASE_RATE = 0.009
LOWEST_RATE, HIGHEST_RATE = 2e-4, 0.15
SPREAD: Mapping[str, float] = {"topic": 0.45, "window": 0.25, "media": 0.25, "cell": 0.20, "level": 0.3}
"""Standard deviations of the effects on the log rate; `level` is common to all posts of a day."""
DRIFT_DAYS: Mapping[str, float] = {"topic": 120.0, "window": 120.0, "media": 120.0, "cell": 120.0, "level": 60.0}
BREAK_DAYS = 120.0
"""Mean time between two days on which topics and cells are drawn anew."""
SHARES: Mapping[str, float] = {"like_count": 0.78, "reply_count": 0.10, "retweet_count": 0.09, "quote_count": 0.03}
WEIGHTS: Mapping[str, int] = {"like_count": 1, "reply_count": 2, "retweet_count": 2, "quote_count": 1}
REWARD_PER_RATE = sum(SHARES[name] * WEIGHTS[name] for name in SHARES)
"""The reward's rate that one unit of the engagement rate is expected to give."""

IMPRESSIONS_MEDIAN, IMPRESSIONS_SD = 500.0, 0.9
QUALITY_SD, CORRELATION = 0.6, 0.4
BEST_HOUR, DAILY_SWING = 20.0, 0.35
WEEK = (1.0, 1.0, 1.0, 1.0, 0.97, 0.9, 0.86)
FOLLOWERS, FOLLOWERS_SHARE = 2_000, 0.7
"""Followers on the first day, and the power of their number with which impressions grow."""
ARRIVAL_HOURS, ARRIVAL_SHAPE = 3.85, 0.6
"""A Weibull distribution of the time until an engagement comes in: half in 2 hours, 95 % in 24."""
COMPLETE = timedelta(days=7)
"""From this age on nothing more comes in."""

MENTIONS_A_DAY = 1.2
KINDS: tuple[tuple[str, float], ...] = (("mention", 0.40), ("summon", 0.35), ("reply", 0.19), ("opt out", 0.06))
"""What people say to the account, and how often each: they name it, ask it, answer one of its posts, want no answer."""
SAID: Mapping[str, tuple[str, ...]] = {
    "mention": ("Good morning from @{me} and me", "Was just reading @{me} on the train", "Heard of this through @{me}"),
    "summon": (
        "@{me} what would you do about this?",
        "@{me} can you say more on that?",
        "@{me} is it too late to try?",
    ),
    "reply": ("@{me} that worked for us too", "@{me} not my experience, sadly", "@{me} thanks, saved it"),
    "opt out": ("@{me} stop", "@{me} please unsubscribe", "@{me} stop replying to me"),
}
CROWD = 40
"""How many different people speak to an account."""


class Dice:
    """Draws of a named purpose: a change in one moves no other. Only `random()` is used, which Python promises."""

    def __init__(self, *names: object) -> None:
        self._random = random.Random("/".join(map(str, names)))

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def normal(self) -> float:
        """A standard normal number (Box and Muller 1958)."""
        return math.sqrt(-2 * math.log(1 - self.uniform())) * math.cos(2 * math.pi * self.uniform())

    def poisson(self, mean: float) -> int:
        """A Poisson number: by Knuth's product where the mean is small, else the rounded normal."""
        if mean > 60:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        count, product, least = 0, self.uniform(), math.exp(-mean)
        while product > least:
            count, product = count + 1, product * self.uniform()
        return count

    def pick(self, among: Sequence[str]) -> str:
        """One of some."""
        return among[int(self.uniform() * len(among))]

    def picks(self, among: Sequence[str], count: int) -> list[str]:
        """One of some, so often."""
        draw, size = self._random.random, len(among)
        return [among[int(draw() * size)] for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """All that a post will ever earn, and what it may have earned by any age."""

    posted_at: datetime
    impressions: int
    counts: Mapping[str, int]

    def by(self, now: datetime) -> dict[str, int]:
        """X's public counts at `now`: whole numbers that never fall."""
        part = arrived(now - self.posted_at)
        return {"impression_count": int(part * self.impressions)} | {
            name: int(part * count) for name, count in self.counts.items()
        }


def arrived(age: timedelta) -> float:
    """The part of a post's engagement that has come in at an age, 0 to 1."""
    if age >= COMPLETE:
        return 1.0
    return _weibull(max(age / _HOUR, 0.0)) / _WHOLE


def _weibull(hours: float) -> float:
    return 1 - math.exp(-((hours / ARRIVAL_HOURS) ** ARRIVAL_SHAPE))


_HOUR = timedelta(hours=1)
_WHOLE = _weibull(COMPLETE / _HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Something that somebody says to the account at a time (UTC)."""

    at: datetime
    username: str
    kind: str
    text: str


@dataclass(slots=True)
class Audience:
    """Whoever reads one account. Days are asked for in order; what they were like is kept.

    `expected[date][arm]` is an arm's true reward, engagements an impression.
    """

    seed: int
    account: str
    zone: ZoneInfo
    arms: tuple[Arm, ...]
    expected: dict[date, Mapping[Arm, float]] = field(default_factory=dict)
    followers: float = FOLLOWERS
    receptions: dict[str, Reception] = field(default_factory=dict)
    _effects: dict[tuple[str, object], float] = field(default_factory=dict)
    _moved: set[tuple[str, object]] = field(default_factory=set)

    def dice(self, *names: object) -> Dice:
        """Dice of this audience, for a purpose."""
        return Dice(self.seed, self.account, *names)

    def begin(self, day: date) -> None:
        """Let a local day begin: tastes move, and its expected rewards are written down."""
        breaks = bool(self._effects) and self.dice("break", day).uniform() < 1 / BREAK_DAYS
        self._move("level", "", day, breaks=False)
        for arm in self.arms:
            for name, key in _factors(arm):
                self._move(name, key, day, breaks=breaks and name in {"topic", "cell"})
        self._moved.clear()
        self.expected[day] = {arm: self.rate(arm) * REWARD_PER_RATE for arm in self.arms}

    def _move(self, name: str, key: object, day: date, *, breaks: bool) -> None:
        place = (name, key)
        if place in self._moved:
            return
        self._moved.add(place)
        fresh = SPREAD[name] * self.dice(name, key, day).normal()
        before = self._effects.get(place)
        kept = 0.0 if before is None or breaks else math.exp(-1 / DRIFT_DAYS[name])
        self._effects[place] = kept * (before or 0.0) + math.sqrt(1 - kept**2) * fresh

    def rate(self, arm: Arm) -> float:
        """The engagement rate of an arm today."""
        log_rate = math.log(BASE_RATE) + self._effects["level", ""]
        log_rate += sum(self._effects[place] for place in _factors(arm))
        return min(max(math.exp(log_rate), LOWEST_RATE), HIGHEST_RATE)

    def receive(self, post_id: str, name: str, arm: Arm | None, at: datetime) -> Reception:
        """Draw what a post will earn; `name` is its own, so that the draw does not hang on its id."""
        dice = self.dice("post", name)
        shared, own = dice.normal(), dice.normal()
        quality = math.exp(QUALITY_SD * shared - QUALITY_SD**2 / 2)
        luck = math.exp(IMPRESSIONS_SD * (CORRELATION * shared + math.sqrt(1 - CORRELATION**2) * own))
        crowd = (self.followers / FOLLOWERS) ** FOLLOWERS_SHARE
        seen = round(IMPRESSIONS_MEDIAN * crowd * self.rhythm(at) * luck)
        rate = self.rate(arm) if arm in self.arms and self._effects else BASE_RATE
        counts = {name: dice.poisson(seen * rate * quality * share) for name, share in SHARES.items()}
        found = Reception(posted_at=at, impressions=seen, counts=counts)
        self.receptions[post_id] = found
        return found

    def rhythm(self, at: datetime) -> float:
        """How many are there at a time, relative to the usual."""
        local = at.astimezone(self.zone)
        hour = local.hour + local.minute / 60
        return (1 + DAILY_SWING * math.cos(2 * math.pi * (hour - BEST_HOUR) / 24)) * WEEK[local.weekday()]

    def due(self, now: datetime) -> dict[str, dict[str, int]]:
        """The public counts of every post to which something may still come in; older ones are let go."""
        told = {post_id: reception.by(now) for post_id, reception in self.receptions.items()}
        self.receptions = {
            post_id: reception for post_id, reception in self.receptions.items() if now - reception.posted_at < COMPLETE
        }
        return told

    def grow(self, day: date) -> int:
        """Followers come and go with what was posted; how many there are now."""
        dice = self.dice("followers", day)
        seen = sum(reception.impressions for reception in self.receptions.values()) / 7
        self.followers = max(1.0, self.followers + dice.poisson(seen * 0.002) - dice.poisson(self.followers * 0.0004))
        return round(self.followers)

    def sayings(self, day: date, me: str) -> list[Saying]:
        """What people say to the account on a local day, in the order of time."""
        dice = self.dice("people", day)
        found = []
        for number in range(dice.poisson(MENTIONS_A_DAY)):
            hour = 7 + 16 * dice.uniform()
            at = datetime.combine(day, time(), self.zone) + timedelta(hours=hour)
            point, kind = dice.uniform(), KINDS[-1][0]
            for name, share in KINDS:
                point -= share
                if point < 0:
                    kind = name
                    break
            words = dice.pick(SAID[kind]).format(me=me)
            who = f"reader{int(CROWD * dice.uniform()):02d}"
            tail = "" if kind == "opt out" else f" ({day:%d.%m.} {number + 1})"
            found.append(Saying(at=at.astimezone(UTC), username=who, kind=kind, text=words + tail))
        return sorted(found, key=lambda one: one.at)


def _factors(arm: Arm) -> tuple[tuple[str, object], ...]:
    return (
        ("topic", arm.topic),
        ("window", arm.window),
        ("media", arm.media),
        ("cell", (arm.topic, arm.window, arm.media)),
    )


def best_day(expected: Mapping[Arm, float], rooms: Mapping[str, int], posts: int) -> float:
    """The oracle's: the expected reward of `posts` posts in the best arms, at most `rooms[window]` in a window."""
    best = best_by_window(expected)
    offered = sorted(
        (best[window] for window, room in rooms.items() if window in best for _ in range(room)), reverse=True
    )
    return sum(offered[:posts])


def best_by_window(expected: Mapping[Arm, float]) -> dict[str, float]:
    """The best expected reward in each window."""
    best: dict[str, float] = {}
    for arm, value in expected.items():
        best[arm.window] = max(best.get(arm.window, 0.0), value)
    return best


def uniform_day(expected: Mapping[Arm, float], posts: int) -> float:
    """What `posts` posts in arms drawn evenly are expected to earn."""
    return posts * sum(expected.values()) / len(expected) if expected else 0.0
