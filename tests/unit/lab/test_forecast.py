"""The forecast: what is counted from the settings, what AWS takes beyond the free allowance, and what a step saves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from songpost import content_file, settings_file
from songpost.account_documents import Day, Tally, Usage
from songpost.core.content import library_of
from songpost.errors import PriceUnknown
from songpost.lab.aws_prices import LISTS, aws_prices
from songpost.lab.forecast import (
    MONTH_DAYS,
    Deployed,
    Forecast,
    Line,
    Range,
    active_days,
    foretell,
    load_bytes,
    shares,
    sweeps,
)
from songpost.lab.spending import actuals, knobs, month_span
from songpost.model import Kind, Media, Text
from songpost.money_settings import Budget, UsdPerKind
from songpost.settings import (
    Approval,
    Cadence,
    Consent,
    FeatureFlags,
    Flag,
    LearningSettings,
    PerKind,
    Plan,
    Query,
    QueryAction,
    Reading,
    Settings,
)

ON = date(2026, 11, 22)
ROOT = Path(__file__).parents[3]
ONE_A_DAY = Settings(
    topics=("bread",),
    max_per_day=1,
    max_per_window=PerKind(reply=0, repost=0),
    budget=Budget(usd_per_month=Decimal(20)),
)


def line(forecast: Forecast, start: str) -> Line:
    """The one line whose name starts so."""
    (found,) = [one for one in (*forecast.x, *forecast.aws) if one.name.startswith(start)]
    return found


def tally(count: int, micros: int) -> Tally:
    """So many writes and reads, and what they cost."""
    return Tally(writes=count, reads=count, spent_micros=micros)


def test_aws_takes_at_most_ten_cents_beyond_what_is_always_free() -> None:
    """The example's account, with the metrics, alarms and dashboard that are free, costs AWS $0.10 a month at most."""
    example = settings_file.load(ROOT / "songpost.example.yaml").settings
    with_links, with_pictures = shares(content_file.load(example, ROOT))
    found = foretell(example, ON, with_links=with_links, with_pictures=with_pictures)

    assert 0 < found.aws_beyond_free_micros.expected <= 100_000
    assert 1_000_000 < found.aws_free_micros.expected


@pytest.mark.parametrize(
    ("deployed", "name", "micros"),
    [
        (Deployed(metrics=11), "metrics", 300_000),
        (Deployed(alarms=12), "alarms", 200_000),
        (Deployed(dashboards=4), "dashboards", 3_000_000),
        (Deployed(memory_mb=10_240, writer_minutes=1), "lambda GB-seconds", 0),
    ],
)
def test_only_what_exceeds_the_free_allowance_is_charged(deployed: Deployed, name: str, micros: int) -> None:
    """The eleventh metric, the eleventh alarm and the fourth dashboard cost money; what stays below costs none."""
    assert micros == line(foretell(ONE_A_DAY, ON, deployed=deployed), name).micros.expected


def test_the_free_allowance_covers_a_part_of_what_exceeds_it() -> None:
    """A charge and what the allowance took off add up to the full price."""
    found = line(foretell(ONE_A_DAY, ON, deployed=Deployed(memory_mb=10_240, writer_minutes=0.1)), "lambda GB-seconds")
    price = aws_prices("us-east-1", ON).prices["lambda GB-seconds, arm64"]

    assert found.quantity.high > price.free
    assert abs(float(price.usd) * found.quantity.high * 1e6 - found.micros.high - found.free_micros.high) < 2


def test_posts_and_their_looks_are_counted_and_priced() -> None:
    """One post a day costs a create and a look at its metrics, at X's list prices of that date."""
    found = foretell(ONE_A_DAY, ON)

    assert MONTH_DAYS == line(found, "posts (").quantity.expected
    assert 15_000 * MONTH_DAYS == line(found, "posts (").micros.expected
    assert 5_000 * MONTH_DAYS == line(found, "looks").micros.expected
    assert 2 * line(found, "looks").micros.expected == line(found, "looks").micros.high
    assert found.x_micros.low < found.x_micros.expected < found.x_micros.high


def test_a_link_costs_thirteen_times_as_much() -> None:
    """The part of the texts with a link is priced as such."""
    half = foretell(ONE_A_DAY, ON, with_links=0.5)

    assert 200_000 * MONTH_DAYS / 2 == line(half, "posts with links").micros.expected
    assert 15_000 * MONTH_DAYS / 2 == line(half, "posts (").micros.expected


def test_own_reads_are_cheap_once_ownership_is_proved() -> None:
    """The owned price holds only for an account that owns its app."""
    assert 1_000 * MONTH_DAYS == line(foretell(ONE_A_DAY, ON, owns_app=True), "looks").micros.expected


def test_an_early_credit_is_looked_at_twice() -> None:
    """A credit younger than 48 hours is corrected once."""
    early = replace(ONE_A_DAY, learning=LearningSettings(credit_after_hours=24))

    assert 2 * MONTH_DAYS == line(foretell(early, ON), "looks").quantity.expected


def test_cadence_counts() -> None:
    """Windows that start on five days a week fill five sevenths of a month."""
    assert MONTH_DAYS * 5 / 7 == active_days(replace(ONE_A_DAY, cadence=Cadence(weekdays=(1, 2, 3, 4, 5, 5))))


def test_pictures_cost_their_alt_text_and_their_bucket() -> None:
    """Each picture's alt text is a call of its own."""
    found = foretell(ONE_A_DAY, ON, with_pictures=1.0)

    assert 5_000 * MONTH_DAYS == line(found, "alt texts").micros.expected
    assert 0 < line(found, "s3 GB-months").micros.expected


INTERACTING = replace(ONE_A_DAY, max_per_window=PerKind(reply=2, like=5, repost=1))
READS = {"looks", "reconciling", "own"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, {"posts", "replies", "mentions"}),
        ({"watchlist_user_ids": ("1",)}, {"posts", "replies", "mentions", "reposts", "watchlist"}),
        ({"feature_flags": FeatureFlags(allow_replies=Flag.OFF)}, {"posts"}),
        ({"approval": Approval(reply=Consent.NEVER)}, {"posts"}),
        (
            {"queries": (Query(query="b", actions=(QueryAction.REPOST,)), Query(query="idle"))},
            {"posts", "replies", "mentions", "reposts", "finds"},
        ),
    ],
)
def test_only_what_can_happen_is_priced(changes: dict[str, object], names: set[str]) -> None:
    """Kinds that the plan, a flag or an approval rules out, or that nothing can lead to, cost nothing."""
    settings = replace(INTERACTING, **changes)  # type: ignore[arg-type]

    assert names | READS == {one.name.split()[0] for one in foretell(settings, ON).x}


def test_ceilings_hold_the_bill() -> None:
    """The forecast never exceeds what the month, the day and a kind may spend; what it would be is told beside it."""
    tight = replace(ONE_A_DAY, max_per_day=3, budget=Budget(usd_per_month=Decimal(1), buffer_pct=0.0))
    daily = replace(tight, budget=replace(tight.budget, usd_per_day=Decimal("0.02")))
    kind = replace(
        tight, budget=Budget(usd_per_month=Decimal(9), usd_per_kind=UsdPerKind(post=Decimal("0.5")), buffer_pct=0.0)
    )

    assert 1_000_000 == foretell(tight, ON).x_micros.expected < foretell(tight, ON).x_uncapped_micros.expected
    assert int(20_000 * MONTH_DAYS) == foretell(daily, ON).x_micros.expected
    posts = sum(one.micros.expected for one in foretell(kind, ON).x if one.kind is Kind.POST)
    uncapped = foretell(kind, ON).x_uncapped_micros.expected
    assert abs(uncapped - posts + 500_000 - foretell(kind, ON).x_micros.expected) < 1


def test_the_total_is_x_and_aws() -> None:
    """Both bills add up, low with low and high with high."""
    found = foretell(ONE_A_DAY, ON)

    assert found.x_micros.low + found.aws_beyond_free_micros.low == found.total_micros.low


def test_the_readers_sweeps_have_a_ceiling_of_their_own() -> None:
    """What sweeps return is held by `reading.usd_per_day`; a place that is never looked at costs nothing."""
    watching = replace(ONE_A_DAY, watchlist_user_ids=("1", "2"), reading=Reading(usd_per_day=Decimal("0.01")))
    found = foretell(watching, ON)
    free = replace(watching, reading=replace(watching.reading, usd_per_day=None))
    swept = sum(one.micros.expected for one in found.x if one.swept)

    assert 2 * 3 * MONTH_DAYS * 5_000 == line(found, "watchlist").micros.expected
    assert MONTH_DAYS * 5_000 / 4 == line(found, "own timeline").micros.expected
    held = foretell(free, ON).x_micros.expected - found.x_micros.expected
    assert abs(swept - int(9_500 * MONTH_DAYS) - held) < 1
    blind = replace(watching, reading=Reading(timeline_every_minutes=None, watchlist_every_minutes=None))
    assert [] == [one.name for one in foretell(blind, ON).x if one.swept]
    assert "reading.watchlist_every_minutes" in {one.setting for one in knobs(watching, ON)}


def test_unknown_prices_are_refused_by_name() -> None:
    """A region without a list, and a date before the first, stop with the list of what is known."""
    with pytest.raises(PriceUnknown, match="us-east-1"):
        foretell(ONE_A_DAY, ON, deployed=Deployed(region="eu-nowhere-1"))
    with pytest.raises(PriceUnknown, match="2020-01-01"):
        aws_prices("us-east-1", date(2020, 1, 1))
    with pytest.raises(PriceUnknown):
        foretell(replace(ONE_A_DAY, plan=Plan.ENTERPRISE), ON)


def test_every_price_names_its_source() -> None:
    """No figure stands in the table without the page that it is from."""
    assert [] == [name for one in LISTS for name, price in one.prices.items() if not price.source]


def test_sweeps_are_counted_by_place() -> None:
    """Each place where there is something to look for, as often as it is due, and never more often than a tick."""
    day = MONTH_DAYS * 1440
    asking = replace(
        ONE_A_DAY, queries=(Query(query="bread", actions=(QueryAction.REPLY,)),), watchlist_user_ids=("1",)
    )
    blind = Reading(timeline_every_minutes=None, mentions_every_minutes=30)

    assert abs(day / 30 + day / 360 - sweeps(ONE_A_DAY, Deployed())) < 1e-6
    assert abs(day / 30 + day / 360 + 2 * day / 240 - sweeps(asking, Deployed())) < 1e-6
    assert abs(day / 60 - sweeps(replace(ONE_A_DAY, reading=blind), Deployed(reader_minutes=60))) < 1e-6


def test_a_load_stays_under_what_the_design_allows() -> None:
    """However many texts are remembered, a load of the expected size is under 100 KB plus the largest fingerprints."""
    most = replace(ONE_A_DAY, max_per_day=30, max_per_window=PerKind(post=30))

    assert load_bytes(ONE_A_DAY).expected < load_bytes(most).expected < 110_000 < 100_000 + 87 * 1_200


def test_shares_of_a_library() -> None:
    """Each wording counts once; a text without media has no picture."""
    library = library_of(
        [
            Text(id="1", topic="a", variants=("see example.com", "see nothing")),
            Text(id="2", topic="a", variants=("x", "y"), media=(Media(path="p", alt_text="a"),)),
        ]
    )

    assert (0.25, 0.5) == shares(library)
    assert (0.0, 0.0) == shares({})


def test_the_dearest_setting_comes_first() -> None:
    """One post a day less saves its create and its look; each step is the difference of two forecasts."""
    settings = replace(ONE_A_DAY, max_per_day=3, max_per_window=PerKind(reply=2, repost=0))
    found = knobs(settings, ON)

    assert ["max_per_day", "max_per_window.reply"] == [one.setting for one in found if one.setting[:3] == "max"]
    assert sorted((one.saves_micros for one in found), reverse=True) == [one.saves_micros for one in found]
    fewer = foretell(replace(settings, max_per_day=2), ON)
    whole = foretell(settings, ON)
    saved = whole.x_uncapped_micros.expected - fewer.x_uncapped_micros.expected
    assert 0 <= found[0].saves_micros - saved < 10_000


def test_every_kind_of_step_is_tried() -> None:
    """Links, queries, an early credit, weekdays and the stack's rates are steps too, where they cost anything."""
    settings = replace(
        ONE_A_DAY,
        learning=LearningSettings(credit_after_hours=24),
        queries=(Query(query="bread", actions=(QueryAction.REPLY,)),),
    )
    found = {one.setting: (one.now, one.then) for one in knobs(settings, ON, with_links=0.1)}

    assert ("1", "0") == found["queries"]
    assert ("24", "48") == found["learning.credit_after_hours"]
    assert ("10%", "0%") == found["content: texts with links"]
    assert ("7 days", "6 days") == found["cadence.weekdays"]
    assert {"stack: writer_minutes", "stack: reader_minutes"} <= set(found)
    blind = Reading(timeline_every_minutes=None, mentions_every_minutes=None)
    silent = replace(ONE_A_DAY, max_per_day=0, cadence=Cadence(weekdays=(1,)), reading=blind)
    assert {"stack: writer_minutes", "stack: reader_minutes"} == {one.setting for one in knobs(silent, ON)}


def test_forecast_against_actual() -> None:
    """A month is compared with the forecast for as many days as it has usage, by kind where the days are kept."""
    forecast = foretell(ONE_A_DAY, ON)
    usage = Usage(
        months={"2026-10": tally(30, 700_000), "2026-11": tally(10, 260_000)},
        days={
            "2026-10-12": Day(1, 1, 20_000, {"post": 15_000}),
            "2026-11-02": Day(1, 1, 26_000, {"post": 15_000, "reply": 1_000}),
        },
    )
    october, november = actuals(forecast, usage, 1, datetime(2026, 11, 11, tzinfo=UTC))

    assert ("2026-10", 20.0, 700_000, 30) == (october.month, october.days, october.spent_micros, october.writes)
    assert 10.0 == november.days
    assert round(forecast.x_micros.expected * 10 / MONTH_DAYS) == november.expected_micros
    assert (15_000, 150_000) == november.by_kind["post"]
    assert (1_000, 0) == november.by_kind["reply"]
    assert 244_000 == november.by_kind["reads and the rest"][0]


def test_a_month_whose_days_are_forgotten_is_compared_as_a_whole() -> None:
    """Without days there is no comparison by kind, and the month counts in full."""
    usage = Usage(months={"2026-02": tally(1, 5), "2026-03": tally(1, 5)}, days={})
    february, march = actuals(foretell(ONE_A_DAY, ON), usage, 10, datetime(2026, 3, 9, 12, tzinfo=UTC))

    assert 27.5 == february.days
    assert 0.0 == march.days
    assert {} == march.by_kind


def test_a_billing_month_starts_on_its_day() -> None:
    """A cycle that starts on the 10th ends on the next month's 10th, over the turn of a year too."""
    assert (datetime(2026, 12, 10, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC)) == month_span("2026-12", 10)


def test_ranges_add_and_multiply_by_their_ends() -> None:
    """Low with low, expected with expected, high with high."""
    assert Range(3, 8, 15) == Range(1, 2, 3) * Range(3, 4, 5)
    assert Range(4, 6, 8) == Range(1, 2, 3) + Range(3, 4, 5)
