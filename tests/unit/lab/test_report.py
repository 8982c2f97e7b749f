"""The report: what it tells of a simulated and of a live account, and that it is safe to open and to pass on."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import pytest

from songpost.account_documents import Control, Day, Identity, Tally, Usage
from songpost.agent import documents
from songpost.agent.planning import Texts
from songpost.core import admission, content
from songpost.core.bandit import WHOLE, Decision
from songpost.core.learning_state import FRACTION_BITS, Reward, arm_key
from songpost.core.prices import quote_action
from songpost.core.snapshot import Snapshot
from songpost.errors import BadInput, Refusal
from songpost.lab import decision_log, report
from songpost.lab.decision_log import Choice, Log
from songpost.lab.report import charts, figures, story, writing
from songpost.lab.report.coming import coming_days
from songpost.lab.report.subject import Subject
from songpost.lab.simulation.record import Plan, Run
from songpost.lab.simulation.run import simulate, store_for_a_run
from songpost.model import Action, Arm, Kind, State, Text, ThreadStep
from songpost.settings import Approval, Consent, Settings, Stage
from songpost.store.opening import open_store
from songpost.store.port import PutAction, Store
from tests.unit.core import cases

EXAMPLE = Path(documents.__file__).parents[1] / "example.json"
NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
"""A Wednesday, before the first window."""
NASTY = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;",
    "\u202egnorts dellac era sdrow eht\u202c \u2067mixed\u2069 text",
    "pneumono" * 34,
    "漢" * 280,
    "</style><svg onload=alert(3)>{{ 7 * 7 }}{% raw %}",
)


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[Run, Store, Settings]]:
    """Six days with trouble, and their store."""
    settings = documents.decode_settings(json.loads(EXAMPLE.read_bytes())["settings"])
    with store_for_a_run() as store:
        yield simulate(Plan(days=6, settings=settings, seed=3, faults="rough"), store), store, settings


@pytest.fixture(scope="module")
def page(lived: tuple[Run, Store, Settings], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of those days."""
    run, store, settings = lived
    path = tmp_path_factory.mktemp("report") / "report.html"
    size = report.write(run, path, store, settings)
    assert path.stat().st_size == size
    assert [path] == list(path.parent.iterdir())
    return path.read_text()


@pytest.fixture
def drawn_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same drawings without a process for them: that takes two seconds to start."""

    class Here(writing._Child):
        def __enter__(self) -> Self:
            return self

        def answer(self) -> dict[str, dict[str, str]]:
            return charts.drawings(json.loads(self._asked))

        def __exit__(self, *_: object) -> None:
            """Nobody to end."""

    monkeypatch.setattr(writing, "_Child", Here)


class Outline(HTMLParser):
    """What a page is made of: its elements with their attributes, and what stands in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.quotes: list[str] = []
        self._in_quote = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        if tag == "blockquote":
            self._in_quote = True
            self.quotes.append("")

    def handle_endtag(self, tag: str) -> None:
        """A quotation ends."""
        self._in_quote = self._in_quote and tag != "blockquote"

    def handle_data(self, data: str) -> None:
        """Words of a quotation."""
        if self._in_quote:
            self.quotes[-1] += data


def test_it_tells_what_a_simulated_run_came_to(page: str, lived: tuple[Run, Store, Settings]) -> None:
    """The posts with their reasons, the bill, the learner beside the oracle, and that it was simulated."""
    run, _, _ = lived
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())

    assert "Simulated." in words
    assert f"{run.share()[0]:.0%} of the best" in words
    assert "The judge, who believes X alone, found nothing wrong" in words
    assert re.search(r"Chosen with a chance of \d+%: believed the best of \d+ in \d+% of draws", words)
    assert "best choice" in words
    assert "A whole month like the settings is forecast at" in words
    for post in run.accounts[0].posts[-3:]:
        assert f"{post.posted_at.astimezone(lived_zone(run)):%a %d %b, %H:%M}" in words


def lived_zone(run: Run) -> ZoneInfo:
    """The zone of a run's account."""
    return ZoneInfo(run.accounts[0].timezone)


def test_the_same_run_gives_the_same_bytes(page: str, lived: tuple[Run, Store, Settings], tmp_path: Path) -> None:
    """Nothing of the moment or of the machine gets into a simulation's report."""
    run, store, settings = lived
    report.write(run, tmp_path / "again.html", store, settings)

    assert page == (tmp_path / "again.html").read_text()


def test_the_page_can_load_and_run_nothing(page: str) -> None:
    """No script, no handler, no address but data: and X; the policy names the one stylesheet by its hash."""
    outline = Outline(page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [str(a["content"]) for tag, a in outline.found if a.get("http-equiv") == "Content-Security-Policy"]

    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:" in policy
    assert "script" not in {tag for tag, _ in outline.found}
    names = {name for _, attributes in outline.found for name in attributes}
    assert [] == [name for name in names if name.startswith("on") or name == "style"]
    addresses = [str(a[name]) for _, a in outline.found for name in ("src", "href") if name in a]
    assert [] == [one for one in addresses if not one.startswith(("data:image/svg+xml;base64,", "#"))]
    assert not re.search(r"url\((?!#)|@import", page)


def test_every_chart_has_its_title_its_words_and_its_table(page: str) -> None:
    """Each drawing is one image with a name, and the figures behind it stand below it as a table."""
    drawn = re.findall(r"<figure.*?</figure>", page, re.DOTALL)

    assert 4 == len(drawn)
    for one in drawn:
        outline = Outline(one)
        ids = {attributes["id"] for _, attributes in outline.found if "id" in attributes}
        images = [attributes for _, attributes in outline.found if attributes.get("role") == "img"]
        assert 2 == len(images)
        assert all(image["aria-labelledby"] in ids and image["aria-describedby"] in ids for image in images)
        assert 2 == one.count("<svg ")
        assert one.count("<tr>") >= 2
        assert {"col", "row"} == {attributes["scope"] for tag, attributes in outline.found if tag == "th"}


def test_no_two_drawings_share_an_id(page: str) -> None:
    """A clip path of one chart is never taken for another's."""
    ids = [str(attributes["id"]) for _, attributes in Outline(page).found if "id" in attributes]

    assert len(set(ids)) == len(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


# ---------------------------------------------------------------------------------------------------- a live account


def library(words: tuple[str, ...]) -> Texts:
    """A topic for each text."""
    texts = tuple(
        Text(id=f"t{n}", topic=("gardening", "bread")[n % 2], variants=(text,)) for n, text in enumerate(words)
    )
    found = content.library_of(texts)
    return Texts(digest=content.digest(found), load=lambda: found)


PLAIN = library(
    (
        "Mulch after rain, not before it.",
        "Rye wants more water than you think.",
        "Leeks do not mind frost, they wait in the ground.",
        "A loaf is done at 96 degrees inside.",
    )
)
IDENTITY = Identity(
    user_id="7",
    username="example_account",
    credentials="c0ffee-digest",
    learned_at=NOW,
    bio="Automated. Run by @example_owner",
)


def sent(number: int, words: str = cases.WORDS, **changes: object) -> Action:
    """A post that went out days ago."""
    at = NOW - timedelta(days=number)
    action = cases.tried(cases.action(number, words=words, at=at), at=at, state=State.SENT)
    return replace(action, post_id=f"{1000 + number}", posted_at=at, arm=Arm("bread", "morning"), **changes)  # type: ignore[arg-type]


def subject_of(
    tmp_path: Path, *actions: Action, snapshot: Snapshot | None = None, texts: Texts = PLAIN, **changes: object
) -> Subject:
    """An account with these actions in its ledger, at `NOW`."""
    store = open_store(f"sqlite:///{tmp_path}/songpost.db", read_only=False)
    if actions:
        store.commit("default", [PutAction(action, None) for action in actions], "token")
    known = snapshot or cases.snapshot()
    open_ones = {action.key: action for action in actions if action.is_open}
    known = replace(known, identity=IDENTITY, actions={**known.actions, **open_ones}, **changes)  # type: ignore[arg-type]
    return Subject(store=store, snapshot=known, texts=texts, now=NOW)


@pytest.mark.usefixtures("drawn_here")
def test_a_new_account_has_a_report_too(tmp_path: Path) -> None:
    """Nothing sent, nothing learned: the page says so, draws what there is, and shows the coming week."""
    subject = subject_of(tmp_path)

    text = writing.page(subject)

    assert "Nothing has gone out yet." in text
    assert "Nothing is credited yet" in text
    assert "from 8 on a curve is drawn" in text
    assert 4 == text.count("<figure ")
    assert 7 == text.count('<h3 class="day">')


@pytest.mark.usefixtures("drawn_here")
def test_hostile_words_stay_words(tmp_path: Path) -> None:
    """HTML, bidirectional controls, a word of 272 letters and 280 ideographs: shown as written, and never markup."""
    texts = library(NASTY)
    told = [sent(number, words) for number, words in enumerate(NASTY, 1)]
    held = replace(cases.action(9, Kind.REPLY, words=NASTY[0], at=NOW), state=State.PROPOSED, target_text=NASTY[4])
    held = replace(held, target_author="<b>miller</b>", closes_at=NOW + timedelta(hours=5), reason=NASTY[4])
    refused = replace(cases.action(8, at=NOW), state=State.REFUSED, gate="<i>gate</i>", reason=NASTY[0])
    subject = subject_of(tmp_path, *told, held, refused, texts=texts)

    text = writing.page(subject)

    outline = Outline(text)
    assert set(NASTY) <= set(outline.quotes)
    assert {"script", "b", "i"}.isdisjoint({tag for tag, _ in outline.found})
    assert ["img"] == [tag for tag, _ in outline.found if tag == "img"]
    assert "49" not in {quote.strip() for quote in outline.quotes}
    blocks = [attributes for tag, attributes in outline.found if tag == "blockquote"]
    assert {"auto"} == {attributes["dir"] for attributes in blocks}


def test_what_waits_is_told_with_its_command(tmp_path: Path) -> None:
    """A pause, an unknown outcome, half a thread, a proposal: each with the words that settle it, the pause first."""
    unknown = replace(cases.tried(cases.action(1, at=NOW), at=NOW), state=State.UNKNOWN)
    half = replace(sent(2), state=State.PARTIAL, thread=(ThreadStep(text="And then."),), reason="X said no")
    asked = replace(cases.action(3, at=NOW), state=State.PROPOSED)
    wordless = replace(cases.action(4, Kind.REPLY, words="", at=NOW), state=State.PROPOSED)
    paused = Control(paused=True, reason="three refusals in a row", changed_at=NOW)
    subject = subject_of(tmp_path, unknown, half, asked, wordless, control=paused)

    needs = story.needs(subject, coming_days(subject.snapshot, subject.texts, NOW))

    commands = [need.command for need in needs if need.command]
    assert [
        "songpost resume",
        f"songpost actions resolve {unknown.key} --lost   (or --sent ID)",
        f"songpost actions resume {half.key}   (or delete)",
        f"songpost approvals approve {asked.key}",
        f"songpost approvals edit {wordless.key}",
    ] == commands
    assert "Three refusals in a row." == needs[0].about
    assert "1 of 2 posts: X said no. Let it go on, or delete it:" == needs[2].about


def test_many_proposals_are_counted(tmp_path: Path) -> None:
    """Twelve are told one by one, the rest as a number with the command that lists them."""
    asked = [replace(cases.action(number, at=NOW), state=State.PROPOSED) for number in range(1, 16)]
    subject = subject_of(tmp_path, *asked)

    needs = story.needs(subject, ())

    assert 13 == len(needs)
    assert ("3 more wait for your yes", "songpost approvals list") == (needs[-1].what, needs[-1].command)


def test_refusals_come_with_what_helps(tmp_path: Path) -> None:
    """By gate, the most often first; X's own refusals too; an unknown gate still has a way on."""
    at_budget = [
        replace(cases.action(n, at=NOW), state=State.ABANDONED, gate="budget", reason=f"reason {n}") for n in (1, 2)
    ]
    by_x = replace(cases.action(3, at=NOW), state=State.REFUSED, reason="403 of X")
    other = replace(cases.action(4, at=NOW), state=State.REFUSED, gate="moon", reason="full")
    subject = subject_of(tmp_path, *at_budget, by_x, other)

    found = story.hurdles(subject)

    assert [("budget", 2), ("X", 1), ("moon", 1)] == [(one.gate, one.count) for one in found]
    assert [story.ADVICE["budget"], story.ADVICE["X"], story.OTHERWISE] == [one.advice for one in found]
    assert "403 of X" == found[1].reason


def test_every_gate_has_advice() -> None:
    """No gate of admission leaves its reader alone."""
    case = admission.Case(
        snapshot=cases.snapshot(),
        action=cases.action(),
        now=cases.NOW,
        quote=quote_action(cases.SETTINGS, cases.action(), cases.NOW.date()),
    )

    assert {gate(case).gate for gate in admission.GATES} <= set(story.ADVICE)


# ---------------------------------------------------------------------------------------------------- the coming week


def test_each_coming_day_is_planned_as_if_those_before_had_gone_out() -> None:
    """No text comes twice within the guard's window, the minimum distance holds, and the texts' end is foretold."""
    snapshot = replace(cases.snapshot(), identity=IDENTITY)

    days = coming_days(snapshot, PLAIN, NOW)

    posts = [post for day in days for post in day.posts]
    assert 7 == len(days)
    assert 4 == len(posts)
    assert 4 == len({post.action.text for post in posts})
    assert {15_000} == {post.micros for post in posts}
    assert {""} == {post.gate for post in posts}
    assert sum(day.micros for day in days) == 4 * 15_000
    assert any("no topic has a text" in line for day in days for line in day.left_out)


def test_the_coming_week_of_an_account_that_asks_is_shown_as_asked() -> None:
    """Posts that want a word say so and are planned on as if it were given, paused or dry as the account may be."""
    settings = replace(cases.SETTINGS, approval=Approval(post=Consent.ASK), stage=Stage.DRY)
    asking = replace(cases.snapshot(settings), identity=IDENTITY, control=Control(paused=True, reason="holidays"))

    days = coming_days(asking, PLAIN, NOW)

    posts = [post for day in days for post in day.posts]
    assert [True] * 4 == [post.asks for post in posts]
    assert {""} == {post.gate for post in posts}
    assert 4 == len({post.action.text for post in posts})


def test_what_would_be_stopped_says_where_and_costs_nothing(tmp_path: Path) -> None:
    """Without the owner's name in the bio every post stands at the gate of policy, and that is what needs a person."""
    subject = subject_of(tmp_path)
    bare = replace(subject, snapshot=replace(subject.snapshot, settings=replace(cases.SETTINGS, operator="")))

    days = coming_days(bare.snapshot, PLAIN, NOW)
    needs = story.needs(bare, days)

    assert {"policy"} == {post.gate for day in days for post in day.posts}
    assert 0 == sum(day.micros for day in days)
    assert any("will not go out (policy)" in need.what for need in needs)


def test_a_proposed_post_of_today_is_part_of_the_week(tmp_path: Path) -> None:
    """What is proposed already is shown in its place, as asking, with its own words."""
    asked = replace(
        cases.action(1, words="Water the rye.", at=NOW), state=State.PROPOSED, closes_at=NOW + timedelta(hours=6)
    )
    settings = replace(cases.SETTINGS, approval=Approval(post=Consent.ASK))
    subject = subject_of(tmp_path, asked, snapshot=cases.snapshot(settings))

    today = coming_days(subject.snapshot, PLAIN, NOW)[0]

    assert [True] == [post.asks for post in today.posts if post.action.text == "Water the rye."]


# ---------------------------------------------------------------------------------------------------------- figures


def choice(day: int, reward: float) -> Choice:
    """A choice between two arms, one of which is always taken with probability 3/4."""
    keys = (arm_key(Arm("bread", "morning")), arm_key(Arm("gardening", "morning")))
    return Choice(
        name=f"2026-10-{day:02d}/1",
        candidates=keys,
        probabilities=(0.75, 0.25),
        chosen=keys[day % 4 == 0],
        reward=reward,
        modelled=dict.fromkeys(keys, 0.02),
    )


def test_a_live_accounts_curve_is_estimated_from_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was earned so far beside the doubly robust estimate of even choices, with its interval, and its doubt."""
    log = Log(choices=tuple(choice(day, 0.01 if day % 4 == 0 else 0.03) for day in range(1, 29)), decisions=28)
    monkeypatch.setattr(decision_log, "from_store", lambda *_: log)

    figure = figures.reward(subject_of(tmp_path))

    assert figure.rows[-1][:3] == ("2026-10-28", "28", "2.50%")
    assert "even choices would have earned by the log (doubly robust, 95 % interval): 2.00%" in figure.said
    assert "effective choices" in figure.said
    assert figure.drawn_from is not None
    assert ["Songpost", "even choice, estimated"] == figure.drawn_from["series"]


def test_a_log_of_a_persons_choices_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no choice was drawn there is no estimate, and the page says so in words."""
    log = Log(choices=tuple(replace(choice(day, 0.02), drawn=False) for day in range(1, 13)), decisions=12)
    monkeypatch.setattr(decision_log, "from_store", lambda *_: log)

    figure = figures.reward(subject_of(tmp_path))

    assert () == figure.rows
    assert "no choice that was drawn" in figure.said


def test_a_year_is_drawn_by_weeks(lived: tuple[Run, Store, Settings]) -> None:
    """A long simulation's curve has a point a week, so that a year's report stays small; one without posts has none."""
    (account,) = lived[0].accounts
    days = tuple(
        replace(account.days[number % 6], date=(NOW.date() + timedelta(days=number)).isoformat())
        for number in range(70)
    )

    assert 10 == len(figures._simulated(days).rows)
    assert 45 == len(figures._simulated(days[:45]).rows)
    assert () == figures._simulated(tuple(replace(day, posts=0) for day in days)).rows


def test_money_is_told_by_day_and_by_month(tmp_path: Path) -> None:
    """The days' sums add up to the month's, and two known months stand beside their forecast."""
    usage = Usage(
        months={"2026-10": Tally(writes=9, reads=3, spent_micros=900_000), "2026-11": Tally(spent_micros=300_000)},
        days={"2026-11-02": Day(2, 0, 100_000, {}), "2026-11-20": Day(0, 4, 200_000, {})},
    )
    subject = subject_of(tmp_path, usage=usage)

    month, months = figures.month(subject), figures.months(subject)

    assert 25 == len(month.rows)
    assert ("2026-11-25", "$0.00", "$0.30", "0", "0") == month.rows[-1]
    assert "$0.30 spent or booked since 01 Nov" in month.said
    assert months is not None
    assert ["2026-10", "2026-11"] == [row[0] for row in months.rows]
    assert "The dearest was 2026-10 with $0.90" in months.said


def test_pictures_have_rows_of_their_own(tmp_path: Path) -> None:
    """Text and media of a topic are cells apart, and what is believed is told with its 90 % interval."""
    from songpost.model import Media

    shown = Text(id="p", topic="bread", variants=("A loaf.",), media=(Media(path="loaf.png", alt_text="A loaf"),))
    texts = content.library_of((shown, Text(id="t", topic="bread", variants=("Another loaf.",))))
    subject = subject_of(tmp_path, texts=Texts(digest="d", load=lambda: texts))

    figure = figures.learned(subject, figures.beliefs(subject))

    assert {"yes", "no"} == {row[2] for row in figure.rows}
    assert figure.drawn_from is not None
    drawing = charts.svg(charts.learned(figure.drawn_from, charts.WIDE), "x")
    assert "With media" in drawing
    assert "Text alone" in drawing
    assert all(re.fullmatch(r"\d+\.\d\d% to \d+\.\d\d%", row[4]) for row in figure.rows)


def test_no_texts_no_table(tmp_path: Path) -> None:
    """Without any text there is nothing to choose among, and nothing is drawn."""
    subject = subject_of(tmp_path)

    assert "no texts" in figures.learned(subject, ()).said


def test_what_a_post_earned_is_told(tmp_path: Path) -> None:
    """Engagements, impressions and rate of a credited post; a deleted one, a quiet one and an answer in words."""
    from songpost.agent.crediting import Stored

    answer = replace(
        sent(4), key="reply/2026-11-21/4", kind=Kind.REPLY, arm=None, target_text="What about oats?", summoned=True
    )
    subject = subject_of(tmp_path, sent(1), sent(2, deleted_at=NOW), sent(3), answer, replace(sent(5), arm=None))
    reward = Reward(rate=(1 << FRACTION_BITS) // 50, log_rate=0, impressions=1_500, engagements=30)
    credit = Stored(key="k", arm=Arm("bread", "morning"), posted_at=NOW, reward=reward, credited_at=NOW)
    subject.__dict__["credits_"] = {"1001": credit}

    told = {post.action.post_id: post for post in story.told(subject)}

    assert "30 engagements of 1,500 impressions: 2.00%" == told["1001"].earned
    assert "https://x.com/example_account/status/1001" == told["1001"].link
    assert ("Deleted.", "") == (told["1002"].earned, told["1002"].link)
    assert "Not measured yet." == told["1003"].earned
    assert "It answers a post that spoke to the account: “What about oats?”" == told["1004"].why
    assert "You put it into the plan." == told["1005"].why
    assert 65_000 == told["1003"].micros
    assert 5 == sum(week.posts for week in story.weeks(subject))


def test_why_a_post_was_chosen_is_told_as_it_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice by hand names its reason, an even one its chance, and one that is not kept says so."""
    drawn = Decision(
        name="2026-11-24/1",
        at=NOW.isoformat(),
        candidates=(arm_key(Arm("bread", "morning")), arm_key(Arm("gardening", "morning"))),
        statistics="d",
        seed="s",
        draws=0,
        wins=(),
        floor=0,
        probabilities=(WHOLE // 2, WHOLE // 2),
        uniform=0,
        chosen=arm_key(Arm("bread", "morning")),
        policy_version="1",
        reward_version=1,
        code_version="1",
    )
    subject = subject_of(tmp_path, sent(1))

    def told(decision: Decision | None) -> str:
        monkeypatch.setattr(story.explain, "chosen_by", lambda *_: (decision, True))  # type: ignore[attr-defined]
        return story.told(subject)[0].why

    assert "Learning was off: one of 2 that were equally likely (50%)." == told(drawn)
    assert "Chosen by hand: pinned by the owner." == told(replace(drawn, override="pinned by the owner"))
    assert "Nothing is kept of why it was chosen." == told(None)


@pytest.mark.usefixtures("drawn_here")
def test_two_known_months_are_drawn_with_their_ceiling(tmp_path: Path) -> None:
    """The months' bars stand beside the days' curve, under a ceiling that is near; the first month has no mark."""
    usage = Usage(
        months={"2026-10": Tally(spent_micros=4_000_000), "2026-11": Tally(spent_micros=300_000)},
        days={"2026-11-02": Day(2, 0, 300_000, {})},
    )

    text = writing.page(subject_of(tmp_path, usage=usage))

    assert 5 == text.count("<figure ")
    (drawn,) = re.findall(r'<figure id="figure-months".*?</figure>', text, re.DOTALL)
    assert 2 == drawn.count(">ceiling<")
    assert "Oct 26" in drawn
    assert '<th scope="row">2026-10</th><td></td><td>$4.00</td><td></td>' in drawn


@pytest.mark.usefixtures("drawn_here")
def test_several_accounts_stand_in_a_table(tmp_path: Path) -> None:
    """A run of more accounts tells of the first in full, and names each with its bill and its faults."""
    settings = documents.decode_settings(json.loads(EXAMPLE.read_bytes())["settings"])
    path = tmp_path / "report.html"
    with store_for_a_run() as store:
        run = simulate(Plan(days=1, settings=settings, seed=1, accounts=2), store)
        broken = replace(run.accounts[0], verdict=replace(run.accounts[0].verdict, twice=("post/1 is on X 2 times",)))
        report.write(replace(run, accounts=(broken, run.accounts[1])), path, store, settings)

    text = path.read_text()
    assert "This page tells of the first of 2 accounts." in text
    assert '<th scope="row">sim-002</th>' in text
    assert "The judge, who believes X alone, found 1 fault." in text
    assert "sim-001: post/1 is on X 2 times" in text


# ------------------------------------------------------------------------------------------------------------ colours


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


STYLE = (Path(writing.__file__).parent / "templates" / "style.css").read_text()
SCHEMES = [
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
]
DARK = dict(re.findall(r'svg \[(?:fill|stroke)="(#[0-9a-f]{6})"\] \{ (?:fill|stroke): (#[0-9a-f]{6}); \}', STYLE))


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
def test_words_can_be_read_in_both_schemes(scheme: dict[str, str]) -> None:
    """At least 4.5 : 1 for every colour of letters on every ground that it stands on."""
    grounds = ("paper", "card", "warn-paper", "chip")
    pairs = [(ink, ground) for ink in ("ink", "muted", "link", "warn", "good") for ground in grounds]

    assert [] == [(ink, ground) for ink, ground in pairs if contrast(scheme[ink], scheme[ground]) < 4.5]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_charts_can_be_read_in_both_schemes(dark: bool) -> None:  # noqa: FBT001 - pytest hands it over
    """Letters of a chart have 4.5 : 1 on their ground, the heat map's on every shade; lines have 3 : 1."""

    def seen(colour: str) -> str:
        return DARK[colour] if dark else colour

    card = SCHEMES[dark]["card"]
    letters = (charts.INK, charts.MUTED, charts.SPENT, charts.AHEAD, charts.CEILING)
    on_shades = [
        contrast(seen(charts.ON_PALE if number < charts.PALE else charts.ON_DEEP), seen(shade))
        for number, shade in enumerate(charts.SHADES)
    ]

    assert all(contrast(seen(letter), card) >= 4.5 for letter in letters)
    assert all(contrast(seen(line), card) >= 3 for line in charts.SERIES)
    assert contrast(seen(charts.AHEAD), seen(charts.BAND)) >= 3
    assert min(on_shades) >= 4.5


# -------------------------------------------------------------------------------------------------- what can go wrong


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the report's packages the command says what to install."""
    monkeypatch.setattr(writing, "find_spec", lambda _: None)

    with pytest.raises(Refusal, match=r"altair, jinja2, vl_convert are not installed") as caught:
        report.check(Path("report.html"))

    assert "pip install 'songpost[report]'" == caught.value.mend


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is not there: bad usage, by its path; nothing half is left behind."""
    with pytest.raises(BadInput, match=r"cannot be written \(its folder is not there\)"):
        report.check(tmp_path / "nowhere" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match=r"cannot be written"):
        writing._put(tmp_path / "folder", "words")

    assert ["folder"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("module", "seconds", "why"),
    [("songpost.lab.report.no_such", 60, "No module named"), ("songpost.lab.report.charts", 0.01, "took more than")],
)
def test_a_child_that_cannot_draw_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, seconds: float, why: str
) -> None:
    """A child that ends, or that does not: the command ends with its name for it, and the child is gone."""
    monkeypatch.setattr(writing, "CHILD", module)
    monkeypatch.setattr(writing, "DRAWN_WITHIN_SECONDS", seconds)

    with writing._Child() as child:
        child.ask({})
        with pytest.raises(Refusal, match=why):
            child.answer()

    assert child._process.poll() is not None
