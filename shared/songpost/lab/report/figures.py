"""The charts of a report as plain data, each with its title, a sentence and the table behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from songpost.account_documents import UNUSED, Bucket
from songpost.agent import crediting
from songpost.core import bandit, budget, day_plan, policy, rate_limits
from songpost.core.bandit import Belief
from songpost.core.learning_state import arm_of
from songpost.errors import BadInput
from songpost.lab import decision_log, spending
from songpost.lab.evaluate import LEAST_EFFECTIVE, evaluate
from songpost.lab.forecast import MONTH_DAYS
from songpost.lab.off_policy import Estimate
from songpost.lab.report.subject import Figure, Subject, percent, usd
from songpost.lab.simulation.record import DayRun
from songpost.model import Arm, Json

SHADES = 6
"""Shades of the heat map."""
LEAST_CHOICES = 8
"""Credited posts before which no curve is estimated."""
CHECKPOINTS = 26
DAILY = 45
"""A simulation of more days is drawn by weeks."""
NEAR = 3.0
"""A ceiling is drawn where it is at most so many times what else is drawn; else it would flatten that."""


# --------------------------------------------------------------------------------------------------- what is learned


def beliefs(subject: Subject) -> tuple[Belief, ...]:
    """What every arm that is on offer is believed to earn, the best first."""
    settings, now = subject.settings, subject.now
    pictures = policy.media_refusal(settings) is None
    stocks = [stock for stock in day_plan.stocks(settings, subject.texts.load()) if pictures or not stock[1]]
    offered = [Arm(topic, window, media) for topic, media in stocks for window in settings.schedule.windows]
    statistics = crediting.counters(subject.snapshot, now)
    seed = day_plan.seed_of(subject.account, now.date().isoformat())
    known = [arm for arm in map(arm_of, statistics.counters) if arm not in offered]
    found = [one for one in bandit.beliefs(statistics, [*offered, *known], seed, now) if one.arm in offered]
    return tuple(sorted(found, key=lambda one: (-one.expected, str(one.arm))))


def learned(subject: Subject, found: Sequence[Belief]) -> Figure:
    """The table of topic, window and media as a heat map."""
    if not found:
        return Figure(name="learned", title="What earns engagement", said="There are no texts to choose among.")
    credits_ = sum(one.posts for one in found)
    best, low, high = found[0], min(one.expected for one in found), max(one.expected for one in found)
    said = (
        f"Engagements an impression, as believed after {credits_:,} credited posts; below each figure the range that "
        f"holds it with 90 % certainty. Best: {_arm(best.arm)}, {percent(best.expected)}."
        if credits_
        else "Nothing is credited yet, so every choice looks alike and the ranges are wide."
    )
    spread = high - low
    data: list[Json] = [
        {
            "topic": one.arm.topic,
            "window": one.arm.window,
            "media": "with media" if one.arm.media else "text alone",
            "shade": min(int((one.expected - low) / spread * SHADES), SHADES - 1) if spread else 0,
            "middle": percent(one.expected),
            "range": f"{one.low:.1%} to {one.high:.1%}",
        }
        for one in found
    ]
    return Figure(
        name="learned",
        title="What earns engagement",
        said=said,
        columns=("Topic", "Window", "Media", "Expected", "90 % interval", "Credited"),
        rows=tuple(
            (
                one.arm.topic,
                one.arm.window,
                "yes" if one.arm.media else "no",
                percent(one.expected),
                f"{one.low:.2%} to {one.high:.2%}",
                f"{one.posts:,}",
            )
            for one in found
        ),
        drawn_from={
            "rows": data,
            "topics": [topic for topic in subject.settings.topics if any(one.arm.topic == topic for one in found)],
            "windows": list(subject.settings.schedule.windows),
        },
    )


def _arm(arm: Arm) -> str:
    return f"{arm.topic} in the {arm.window}{' with media' if arm.media else ''}"


# ------------------------------------------------------------------------------------------------ reward over time


def reward(subject: Subject) -> Figure:
    """What posts earned over time, beside the best and the even choice: as they are, or as the log tells."""
    return _estimated(subject) if subject.lived is None else _simulated(subject.lived.days)


def _simulated(days: Sequence[DayRun]) -> Figure:
    title = "Reward over time"
    size = 1 if len(days) <= DAILY else 7
    parts = [days[start : start + size] for start in range(0, len(days), size)]
    rows, data = [], list[Json]()
    for part in parts:
        posts = sum(day.posts for day in part)
        if not posts:
            continue
        means = [sum(getattr(day, name) for day in part) / posts for name in ("expected", "oracle", "uniform")]
        rows.append((part[0].date, f"{posts}", *map(percent, means)))
        at = part[len(part) // 2].date
        data += [
            {"at": at, "series": name, "rate": rate}
            for name, rate in zip(("Songpost", "best choice", "even choice"), means, strict=True)
        ]
    if not rows:
        return Figure(name="reward", title=title, said="Nothing was posted.")
    oracle = sum(day.oracle for day in days)
    chosen, even = (sum(getattr(day, name) for day in days) / oracle for name in ("expected", "uniform"))
    return Figure(
        name="reward",
        title=title,
        said=(
            f"What the audience truly gives for the posts chosen, an impression: {chosen:.0%} of the best that could "
            f"have been chosen in hindsight; choosing evenly would have {even:.0%}."
        ),
        columns=("Day" if size == 1 else "Week from", "Posts", "Songpost", "Best choice", "Even choice"),
        rows=tuple(rows),
        drawn_from={"rows": data, "series": ["Songpost", "best choice", "even choice"]},
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was known after so many credited choices."""

    day: str
    choices: int
    earned: float
    even: Estimate


def _estimated(subject: Subject) -> Figure:
    title = "Reward over time"
    log = decision_log.from_store(subject.store, subject.account)
    if len(log.choices) < LEAST_CHOICES:
        said = f"Credited choices of the learner so far: {len(log.choices)}; from {LEAST_CHOICES} on a curve is drawn."
        return Figure(name="reward", title=title, said=said)
    checked = list(_checkpoints(log))
    if not checked:
        return Figure(name="reward", title=title, said="The log has no choice that was drawn, so nothing is estimated.")
    last = checked[-1]
    gain = evaluate(log, "uniform").gain
    sure = gain.low > 0 or gain.high < 0
    data: list[Json] = []
    for one in checked:
        data.append({"at": one.day, "series": "Songpost", "rate": one.earned})
        data.append(
            {
                "at": one.day,
                "series": "even choice, estimated",
                "rate": one.even.value,
                "low": max(one.even.low, 0.0),
                "high": min(one.even.high, 1.0),
            }
        )
    verdict = (
        "that is more than chance explains" if sure else "the log is too short, or the two too near, to tell them apart"
    )
    few = f" It rests on {last.even.effective:.0f} effective choices." if last.even.effective < LEAST_EFFECTIVE else ""
    return Figure(
        name="reward",
        title=title,
        said=(
            f"The mean of all posts so far, {percent(last.earned)} an impression, beside what even choices would have "
            f"earned by the log (doubly robust, 95 % interval): {percent(last.even.value)}; {verdict}.{few}"
        ),
        columns=("Until", "Choices", "Earned", "Even choice", "95 % interval"),
        rows=tuple(
            (
                one.day,
                f"{one.choices}",
                percent(one.earned),
                percent(one.even.value),
                f"{one.even.low:.2%} to {one.even.high:.2%}",
            )
            for one in checked
        ),
        drawn_from={"rows": data, "series": ["Songpost", "even choice, estimated"]},
    )


def _checkpoints(log: decision_log.Log) -> Iterator[_Checked]:
    count = len(log.choices)
    places = sorted({LEAST_CHOICES + (count - LEAST_CHOICES) * step // CHECKPOINTS for step in range(CHECKPOINTS + 1)})
    for place in places:
        seen = decision_log.Log(choices=log.choices[:place], decisions=place)
        try:
            found = evaluate(seen, "uniform")
        except BadInput:  # every choice so far was a person's
            continue
        yield _Checked(seen.choices[-1].name.partition("/")[0], place, found.logged.value, found.estimates[2])


# ------------------------------------------------------------------------------------------------------------- money


def month(subject: Subject) -> Figure:
    """The billing month so far, day by day, against its ceiling and the forecast."""
    settings, now = subject.settings, subject.now
    name = budget.month_of(now, settings.budget.billing_day)
    start, end = spending.month_span(name, settings.budget.billing_day)
    ceiling, x = settings.budget.micros(settings.budget.usd_per_month), subject.forecast.x_micros
    usage, sums, rows, data = subject.snapshot.usage.days, 0, [], list[Json]()
    for number in range((now - start).days + 1):
        day = (start + timedelta(days=number)).date().isoformat()
        tally = usage.get(day, UNUSED)
        sums += tally.spent_micros
        rows.append((day, usd(tally.spent_micros), usd(sums), f"{tally.writes}", f"{tally.reads}"))
        data.append({"at": day, "usd": sums / 1e6})
    days = (end - start).days
    expected: list[Json] = [
        {
            "at": (start + timedelta(days=number)).date().isoformat(),
            "low": x.low / 1e6 * (number + 1) / MONTH_DAYS,
            "usd": x.expected / 1e6 * (number + 1) / MONTH_DAYS,
            "high": x.high / 1e6 * (number + 1) / MONTH_DAYS,
        }
        for number in range(days)
    ]
    near = ceiling <= NEAR * max(sums, x.high)
    return Figure(
        name="month",
        title="This billing month",
        said=(
            f"{usd(sums)} spent or booked since {start:%d %b}, of a ceiling of {usd(ceiling)}"
            f"{'' if near else ' (far above what is drawn)'}. A whole month like the settings is forecast at "
            f"{usd(x.expected)} ({usd(x.low)} to {usd(x.high)}) for X."
        ),
        columns=("Day (UTC)", "Spent", "Sum", "Writes", "Reads"),
        rows=tuple(rows),
        drawn_from={"spent": data, "forecast": expected, "ceiling": ceiling / 1e6 if near else None},
    )


def months(subject: Subject) -> Figure | None:
    """Every billing month that is known against today's forecast; nothing where there is only one."""
    settings, forecast = subject.settings, subject.forecast
    found = spending.actuals(forecast, subject.snapshot.usage, settings.budget.billing_day, subject.now)
    if len(found) < 2:
        return None
    ceiling = settings.budget.micros(settings.budget.usd_per_month)
    near = ceiling <= NEAR * max(max(one.spent_micros, one.expected_micros) for one in found)
    dearest = max(found, key=lambda one: one.spent_micros)
    return Figure(
        name="months",
        title="Month by month",
        said=(
            f"The dearest was {dearest.month} with {usd(dearest.spent_micros)}; the ceiling is {usd(ceiling)} a month. "
            "The mark is today's forecast for as many days."
        ),
        columns=("Month", "Days", "Spent", "Forecast", "Writes", "Reads"),
        rows=tuple(
            (
                one.month,
                f"{one.days:.0f}" if _is_told(one, found) else "",
                usd(one.spent_micros),
                usd(one.expected_micros) if _is_told(one, found) else "",
                f"{one.writes:,}",
                f"{one.reads:,}",
            )
            for one in found
        ),
        drawn_from={
            "rows": [
                {
                    "month": f"{date.fromisoformat(f'{one.month}-01'):%b %y}",
                    "usd": one.spent_micros / 1e6,
                    "forecast": one.expected_micros / 1e6 if _is_told(one, found) else None,
                }
                for one in found
            ],
            "ceiling": ceiling / 1e6 if near else None,
        },
    )


def _is_told(one: spending.Actual, among: Sequence[spending.Actual]) -> bool:
    """Whether it is known how many days a month had: of the first one only while its days are kept."""
    return one is not among[0] or bool(one.by_kind)


# ------------------------------------------------------------------------------------------------------- rate limits


def limits(subject: Subject) -> Figure:
    """How much of each rate limit is left."""
    found = _buckets(subject)
    tight = [one for one in found.values() if one.limit and one.remaining / one.limit < 0.25]
    told = sum(one.source == "headers" for one in found.values())
    said = (
        f"{len(tight)} of {len(found)} are more than three quarters used."
        if tight
        else f"None of {len(found)} is more than three quarters used."
    )
    return Figure(
        name="limits",
        title="X's rate limits",
        said=f"{said} Told by X's last answers: {told}; the others are full by the published limits.",
        columns=("Calls", "Per account and", "Left", "Limit", "Whole again (UTC)"),
        rows=tuple(
            (*_split(name), f"{one.remaining:,}", f"{one.limit:,}", f"{one.reset_at:%Y-%m-%d %H:%M}")
            for name, one in found.items()
        ),
        drawn_from={
            "rows": [
                {"name": ", ".join(_split(name)), "left": one.remaining / one.limit if one.limit else 0.0}
                for name, one in found.items()
            ]
        },
    )


SCOPES: Mapping[str, str] = {
    "user15": "15 min",
    "app15": "app, 15 min",
    "user24h": "day",
    "app24h": "app, day",
}


def _split(name: str) -> tuple[str, str]:
    endpoint, _, scope = name.rpartition(":")
    return endpoint, SCOPES.get(scope, scope)


def _buckets(subject: Subject) -> dict[str, Bucket]:
    found: dict[str, Bucket] = {}
    known, plan = subject.snapshot.limits, subject.settings.plan
    for endpoint in dict.fromkeys((*rate_limits.ENDPOINTS.values(), rate_limits.ME, rate_limits.TIMELINE)):
        found |= rate_limits.current(known, plan, endpoint, subject.now)
    return dict(sorted(found.items()))
