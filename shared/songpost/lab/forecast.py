"""What an account will cost in a month, X and AWS, from its settings: low, expected, high. Pure.

What the settings say outright (slots, ticks, prices) is counted; what they only bound (how many people summon the
account, how long a tick takes) is assumed, and every assumption stands in `ASSUMED` with its reason. Sizes and request
units were measured on an account of 31 days with three posts a day and the example's settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from songpost.core.content import Library
from songpost.core.policy import PERMITTED
from songpost.core.prices import RECONCILING_POSTS, RECONCILING_READS, PriceList, price, price_list, write_class
from songpost.core.text import links
from songpost.endpoints import BY_KIND
from songpost.lab.aws_prices import AwsPriceList, aws_prices
from songpost.model import MICROS_PER_USD, Kind, PriceClass
from songpost.settings import Consent, Flag, QueryAction, Settings

MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Range:
    """Low, expected and high."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Range | float) -> Range:
        by = other if isinstance(other, Range) else Range(other, other, other)
        return Range(self.low * by.low, self.expected * by.expected, self.high * by.high)

    def over(self, function: Callable[[float], float]) -> Range:
        """A function of each."""
        return Range(function(self.low), function(self.expected), function(self.high))


SWEEP_UNITS = Range(38, 46, 60)
"""Write units of a sweep that finds nothing: booked and settled, the usage document in both, pushed settings of 4 KB
checked once. Measured: 38 after ten days, 46 after thirty-one and after forty, from which on nothing more is kept."""

NOTHING = Range(0, 0, 0)
_READ = PriceClass.POST_READ
ASSUMED: Mapping[str, tuple[Range, str]] = {
    "slots filled": (Range(0.8, 1, 1), "texts run dry, windows close, posts of your own take the room"),
    "interactions": (Range(0, 0.25, 1), "the part of the permitted number that there is a reason for"),
    "mentions a reply": (Range(1, 2, 4), "posts read for each reply that goes out"),
    "own posts seen again": (Range(0, 0.25, 1), "what the ledger sent is known: mostly posts by hand (measured 0.2)"),
    "posts a watched user and day": (Range(0.5, 3, 20), "each is charged once a day"),
    "finds a query and day": (Range(1, 10, 100), "posts that a search returns, each charged once a day"),
    "looks a post": (Range(1, 1, 2), "a second look where too few impressions were shown"),
    "lost answers": (Range(0, 0.005, 0.05), "creates whose outcome two reads of the timeline have to settle"),
    "idle seconds": (Range(0.1, 0.4, 2), "billed seconds of a tick with nothing to do, cold starts among them"),
    "acting seconds": (Range(1, 3, 15), "billed seconds more of a tick that calls X"),
    "log KB a tick": (Range(1, 2, 6), "Lambda's own three lines and Songpost's"),
    "decryptions an act": (Range(1, 5, 10), "credentials read where a fresh environment needs them"),
    "mails": (Range(0, 8, 90), "alarms, proposals and the weekly digest"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What the stack has. `metrics`, `alarms` and `dashboards` are its own custom ones."""

    region: str = "us-east-1"
    architecture: str = "arm64"
    writer_minutes: float = 5
    reader_minutes: float = 30
    memory_mb: int = 512
    log_days: int = 30
    metrics: int = 10
    alarms: int = 10
    dashboards: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the bill. `free_micros` is what the free allowance takes off; `micros` is what remains.

    `swept` lines fall under the ceiling of the reader's sweeps (`reading.usd_per_day`).
    """

    name: str
    quantity: Range
    micros: Range
    free_micros: Range = NOTHING
    kind: Kind | None = None
    swept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A month's bill, in micro-dollars. `x_micros` is held by the ceilings; `x_uncapped_micros` is not."""

    x: tuple[Line, ...]
    aws: tuple[Line, ...]
    x_micros: Range
    x_uncapped_micros: Range
    ceiling_micros: int
    aws_beyond_free_micros: Range
    aws_free_micros: Range
    x_prices: str
    aws_read_on: date
    region: str

    @property
    def total_micros(self) -> Range:
        """X and AWS together."""
        return self.x_micros + self.aws_beyond_free_micros


def foretell(
    settings: Settings,
    on: date,
    *,
    with_links: float = 0.0,
    with_pictures: float = 0.0,
    owns_app: bool = False,
    deployed: Deployed | None = None,
) -> Forecast:
    """A month at the prices of a UTC date; `with_links` and `with_pictures` are the parts of texts that have them.

    Raises `PriceUnknown` where X's or AWS's prices are not known.
    """
    deployed = deployed or Deployed()
    x = _x_lines(settings, on, with_links, with_pictures, owns_app=owns_app)
    prices = aws_prices(deployed.region, on)
    aws = _aws_lines(settings, x, prices, deployed, with_pictures)
    uncapped = total(line.micros for line in x)
    ceiling = settings.budget.micros(settings.budget.usd_per_month)
    return Forecast(
        x=x,
        aws=aws,
        x_micros=_under_ceilings(settings, x, ceiling),
        x_uncapped_micros=uncapped,
        ceiling_micros=ceiling,
        aws_beyond_free_micros=total(line.micros for line in aws),
        aws_free_micros=total(line.free_micros for line in aws),
        x_prices=price_list(settings, on).source,
        aws_read_on=prices.read_on,
        region=deployed.region,
    )


def shares(library: Library) -> tuple[float, float]:
    """Which parts of a library's wordings hold something that X would link, and have a picture."""
    texts = [text for topic in library.values() for text in topic]
    wordings = [(bool(links(words)), bool(text.media)) for text in texts for words in text.variants]
    count = max(len(wordings), 1)
    return sum(link for link, _ in wordings) / count, sum(picture for _, picture in wordings) / count


# --------------------------------------------------------------------------------------------------------------- X


def active_days(settings: Settings) -> float:
    """Days of a month on which windows start."""
    return MONTH_DAYS * len(set(settings.cadence.weekdays)) / 7


def _happens(settings: Settings, kind: Kind) -> bool:
    """Whether anything can lead to an action of this kind, and nothing forbids it."""
    if (
        kind not in PERMITTED[settings.plan]
        or settings.feature_flags.of(kind) is Flag.OFF
        or settings.approval.of(kind) is Consent.NEVER
    ):
        return False
    asked = any(QueryAction(kind.value) in query.actions for query in settings.queries)
    return kind is Kind.REPLY or asked or (kind is Kind.REPOST and bool(settings.watchlist_user_ids))


def _counts(settings: Settings) -> dict[Kind, Range]:
    """How many actions of each kind a month brings."""
    days = active_days(settings)
    found = {Kind.POST: ASSUMED["slots filled"][0] * (settings.posts_per_day * days)}
    for kind in (Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW):
        most = (settings.max_per_window.of(kind) or 0) * len(settings.schedule.windows) * days
        if most and _happens(settings, kind):
            found[kind] = ASSUMED["interactions"][0] * most
    return found


def _x_lines(
    settings: Settings, on: date, with_links: float, with_pictures: float, *, owns_app: bool
) -> tuple[Line, ...]:
    prices = price_list(settings, on)
    counts = _counts(settings)
    posts, replies = counts[Kind.POST], counts.get(Kind.REPLY, NOTHING)
    own = PriceClass.OWNED_READ if owns_app and PriceClass.OWNED_READ in prices.micros else PriceClass.POST_READ
    corrected = settings.learning.credit_after_hours < 48
    looks = ASSUMED["looks a post"][0] + Range(0, corrected, corrected)
    creates = posts + replies + counts.get(Kind.QUOTE, NOTHING)

    def line(name: str, quantity: Range, price_class: PriceClass, kind: Kind | None = None) -> Line:
        return _priced(prices, name, quantity, price_class, kind)

    lines = [
        line("posts", posts * (1 - with_links), write_class(Kind.POST, ""), Kind.POST),
        line("posts with links", posts * with_links, PriceClass.POST_CREATE_URL, Kind.POST),
        line("alt texts", posts * with_pictures, PriceClass.MEDIA_METADATA, Kind.POST),
        line("replies", replies, write_class(Kind.REPLY, ""), Kind.REPLY),
        *(
            line(f"{kind.value}s", counts[kind], BY_KIND[kind].price, kind)
            for kind in (Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW)
            if kind in counts
        ),
        line("looks at own posts", posts * looks, own),
        *_swept(settings, prices, own, creates, replies),
        line(
            "reconciling reads",
            creates * ASSUMED["lost answers"][0] * (RECONCILING_READS * RECONCILING_POSTS),
            PriceClass.POST_READ,
        ),
    ]
    return tuple(one for one in lines if one.quantity.high)


def _priced(
    prices: PriceList,
    name: str,
    quantity: Range,
    price_class: PriceClass,
    kind: Kind | None = None,
    *,
    swept: bool = False,
) -> Line:
    unit = price(prices, price_class) if quantity.high else 0
    micros = quantity * unit
    return Line(name=f"{name} ({price_class.value})", quantity=quantity, micros=micros, kind=kind, swept=swept)


def _swept(settings: Settings, prices: PriceList, own: PriceClass, creates: Range, replies: Range) -> Iterator[Line]:
    """What the reader's sweeps return: X charges for posts, not for looking."""
    reading = settings.reading
    searches = sum(1 for query in settings.queries if query.actions) * MONTH_DAYS
    watched = len(settings.watchlist_user_ids) * MONTH_DAYS
    for name, every, quantity, price_class in (
        ("own timeline", reading.timeline_every_minutes, creates * ASSUMED["own posts seen again"][0], own),
        ("mentions", reading.mentions_every_minutes, replies * ASSUMED["mentions a reply"][0], own),
        ("finds of searches", reading.search_every_minutes, ASSUMED["finds a query and day"][0] * searches, _READ),
        ("watchlist", reading.watchlist_every_minutes, ASSUMED["posts a watched user and day"][0] * watched, _READ),
    ):
        if every is not None:
            yield _priced(prices, name, quantity, price_class, swept=True)


def _under_ceilings(settings: Settings, lines: Sequence[Line], month: int) -> Range:
    """The lines' sum, each kind under its own ceiling, all under the day's and the month's."""
    found = total(line.micros for line in lines if line.kind is None and not line.swept)
    swept, daily = total(line.micros for line in lines if line.swept), settings.reading.usd_per_day
    found += swept if daily is None else swept.over(_at_most(math.floor(settings.budget.micros(daily) * MONTH_DAYS)))
    for kind in Kind:
        usd = settings.budget.usd_per_kind.of(kind)
        of_kind = total(line.micros for line in lines if line.kind is kind)
        found += of_kind if usd is None else of_kind.over(_at_most(settings.budget.micros(usd)))
    if settings.budget.usd_per_day is not None:
        month = min(month, math.floor(settings.budget.micros(settings.budget.usd_per_day) * MONTH_DAYS))
    return found.over(_at_most(month))


def _at_most(ceiling: int) -> Callable[[float], float]:
    return lambda micros: min(micros, ceiling)


# ------------------------------------------------------------------------------------------------------------- AWS


def remembered_bytes(settings: Settings) -> int:
    """The fingerprints document: 87 bytes for each text of the window in which none like it is posted (measured)."""
    return 87 * min(math.ceil(settings.posts_per_day * settings.similarity.window_days), 1_200)


def act_units(settings: Settings) -> float:
    """Write units of a post with its credit and its part of the day's plan (measured).

    A commit is transactional: two units for each started KB of each record, and the remembered texts are among the
    records of two commits.
    """
    return 110 + 4 * remembered_bytes(settings) / 1024


def sweeps(settings: Settings, deployed: Deployed) -> float:
    """How often a month the reader looks anywhere: each place as often as it is due, at most once a tick."""
    reading = settings.reading
    places = (
        (reading.timeline_every_minutes, True),
        (reading.mentions_every_minutes, True),
        (reading.search_every_minutes, any(query.actions for query in settings.queries)),
        (reading.watchlist_every_minutes, bool(settings.watchlist_user_ids)),
    )
    minutes = [max(every, deployed.reader_minutes) for every, wanted in places if every is not None and wanted]
    return math.fsum(MONTH_DAYS * 1440 / every for every in minutes)


def load_bytes(settings: Settings) -> Range:
    """What one load of the account reads: its documents without fingerprints took 16 KB, its settings 4 KB (measured).

    A new account has less; the largest settings allowed keep it under 100 KB (DESIGN.md).
    """
    return Range(8_000, 20_000, 40_000) + Range(0, 1, 1) * remembered_bytes(settings)


def _aws_lines(
    settings: Settings, x: Sequence[Line], prices: AwsPriceList, deployed: Deployed, with_pictures: float
) -> tuple[Line, ...]:
    writer, reader = (MONTH_DAYS * 1440 / minutes for minutes in (deployed.writer_minutes, deployed.reader_minutes))
    ticks = writer + reader
    acts = total(line.quantity for line in x if line.kind is not None and "alt texts" not in line.name)
    credits_ = total(line.quantity for line in x if line.name.startswith("looks"))
    busy = acts + credits_
    seconds = ASSUMED["idle seconds"][0] * ticks + ASSUMED["acting seconds"][0] * busy
    gigabytes = ASSUMED["log KB a tick"][0] * (ticks / 1_000_000)
    writes = acts * Range(0.5, 1, 2) * act_units(settings) + SWEEP_UNITS * sweeps(settings, deployed)
    stored = Range(0.001, 0.02, 0.2)
    load_units = load_bytes(settings).over(lambda size: math.ceil(size / 4096))
    quantities = {
        "lambda requests": Range(ticks, ticks, ticks),
        f"lambda GB-seconds, {deployed.architecture}": seconds * (deployed.memory_mb / 1024),
        "dynamodb read units": load_units * (busy + Range(ticks, ticks, ticks)) + credits_ * 4,
        "dynamodb write units": writes,
        "dynamodb GB-months": stored,
        "dynamodb backup GB-months": stored,
        "log GB": gigabytes,
        "log GB-months": gigabytes * (deployed.log_days / MONTH_DAYS),
        "metrics": Range(1, 1, 1) * deployed.metrics,
        "alarms": Range(1, 1, 1) * deployed.alarms,
        "dashboards": Range(1, 1, 1) * deployed.dashboards,
        "scheduler ticks": Range(ticks, ticks, ticks),
        "ssm parameter reads": busy * ASSUMED["decryptions an act"][0],
        "kms requests": busy * ASSUMED["decryptions an act"][0],
        "s3 GB-months": Range(0, 0.05, 1) * math.ceil(with_pictures),
        "s3 reads": acts * with_pictures,
        "sns mails": ASSUMED["mails"][0],
        "sqs requests": Range(0, 10, 1_000),
        "GB to the internet": busy * 0.00002,
    }
    return tuple(_charged(name, quantity, prices) for name, quantity in quantities.items())


def _charged(name: str, quantity: Range, prices: AwsPriceList) -> Line:
    unit = prices.prices[name]

    def micros(units: float) -> float:
        exact = Decimal(units) * unit.usd * MICROS_PER_USD / unit.per
        return int(exact.to_integral_value(ROUND_CEILING))

    return Line(
        name=name,
        quantity=quantity,
        micros=quantity.over(lambda units: micros(max(units - unit.free, 0.0))),
        free_micros=quantity.over(lambda units: micros(min(units, unit.free))),
    )


def total(ranges: Iterable[Range]) -> Range:
    """The sum of ranges, low with low and high with high."""
    found = NOTHING
    for one in ranges:
        found += one
    return found
