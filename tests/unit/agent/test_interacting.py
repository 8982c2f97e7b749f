from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from songpost.account_documents import Position, Positions
from songpost.agent import approvals, control, documents, inbox, interacting, ledger, repeating, summary
from songpost.agent.foretelling import foretell
from songpost.agent.writing import Tick, tick
from songpost.candidates import Candidate, OptOut, Source
from songpost.cli.run import step_lines
from songpost.core.admission import Refused
from songpost.core.content import REPLIES
from songpost.errors import Refusal
from songpost.lab.sandbox.record import Record
from songpost.lab.sandbox.world import Post as SandboxPost
from songpost.model import Action, Kind, State, Text
from songpost.money_settings import Budget, Prices
from songpost.settings import Approval, Consent, FeatureFlags, Flag, InteractionsPerDay, PerKind, Plan
from songpost.store.port import Change, PutDocument, StoredAction
from tests.unit.agent.conftest import START, TEXTS, Crash, World, breaking, whole
from tests.unit.core.cases import NOW, action, snapshot, tried

CRASHES = 16
"""More than the commits and calls of a tick that joins the account, claims one candidate, replies and reposts."""
WORDS = (
    "Rye wants a wet hand, and patience.",
    "We bake it at 230 degrees, door shut.",
    "Let the dough sleep in the cold overnight.",
    "Flour from the mill down the road.",
    "Salt last, so that the yeast can wake.",
)
ANSWERS = tuple(Text(id=f"answer-{n}", topic=REPLIES, variants=(words,)) for n, words in enumerate(WORDS))
AUTO = Approval(**dict.fromkeys(("reply", "quote", "repost", "like", "follow"), Consent.AUTO))  # type: ignore[arg-type]
CONTRACT = Budget(
    usd_per_month=Decimal(5),
    prices=Prices(
        **dict.fromkeys(
            ("post_create", "post_create_url", "reply_create", "interaction", "delete", "post_read", "user_read"),
            Decimal("0.01"),
        )
    ),
)


@pytest.fixture
def answering(world: World) -> World:
    """An account that answers by itself, an hour before its window closes, and posts nothing of its own."""
    world.later(minutes=-59)
    world.texts = ANSWERS
    world.with_settings(approval=AUTO, max_per_window=PerKind(post=0, reply=3, quote=3, repost=3, like=3, follow=3))
    seen = Positions(places={"mentions": Position(found=1, read_at=world.clock.now())})
    put(world, PutDocument("reading", documents.encode(seen), 0))
    return world


def enterprise(world: World) -> World:
    """The same on a plan that permits everything."""
    world.sandbox.change(replace(world.sandbox.rules, plan="enterprise"))
    world.with_settings(plan=Plan.ENTERPRISE, budget=CONTRACT)
    return world


def found(post: SandboxPost, *kinds: Kind, world: World, summons: bool = True, username: str = "miller") -> Candidate:
    """What the reader makes of a post."""
    return Candidate(
        post_id=post.id,
        source=Source.MENTION if summons else Source.SEARCH,
        author_id=post.author_id,
        username=username,
        text=post.text,
        posted_at=post.created_at,
        seen_at=world.clock.now(),
        expires_at=post.created_at + timedelta(days=3),
        summons=summons,
        allowed=kinds or (Kind.REPLY,),
    )


def put(world: World, *changes: Change) -> None:
    """Write something as another process would."""
    session = world.session()
    ledger.commit(session.desk, changes)
    session.close()


def summoned(world: World, count: int = 1, *kinds: Kind) -> list[Candidate]:
    """So many people mention the account, and the reader has seen it."""
    posts = [world.sandbox.actors.post(f"miller{n}", f"@songpost what about rye, {n}?") for n in range(count)]
    candidates = [found(post, *kinds, world=world, username=f"miller{n}") for n, post in enumerate(posts)]
    put(world, *(inbox.put(candidate) for candidate in candidates))
    return candidates


def interact(world: World, remaining: float = 900.0, mode: str = "both") -> Tick:
    """One live tick that really waits, by everybody's clock."""
    session = world.session()
    session.sleep = lambda seconds: world.later(seconds=seconds)
    try:
        return tick(session.desk, session.open(), session.hand, session.given.texts, lambda: remaining, mode)
    finally:
        session.close()


def waiting(world: World) -> tuple[Candidate, ...]:
    """What the inbox still holds."""
    session = world.session()
    candidates = inbox.waiting(session.store, "default", world.clock.now(), 100)
    session.close()
    return candidates


def bodies(requests: Sequence[Record]) -> list[object]:
    """What went over the wire."""
    return [json.loads(request.body) for request in requests]


def states(found: Tick) -> list[tuple[str, str]]:
    """Kind and state of each action that a tick touched."""
    return [(step.action.kind.value, step.action.state.value) for step in found.steps]


# ------------------------------------------------------------------------------------------------- once, for ever


def test_a_summons_is_answered_once_over_ticks_and_days(answering: World) -> None:
    """One reply to the very post goes over the wire, with the next of the replies, and never another."""
    (candidate,) = summoned(answering)
    first = interact(answering)
    for _ in range(3):
        answering.later(days=1)
        interact(answering)

    assert [("reply", "sent")] == states(first)
    assert [{"text": WORDS[0], "reply": {"in_reply_to_tweet_id": candidate.post_id}}] == bodies(
        answering.sandbox.requests("POST /2/tweets")
    )
    assert () == waiting(answering)


def test_a_candidate_that_comes_back_is_not_answered_again(answering: World) -> None:
    """The reader may find a post anew long after its action was closed: the claim drops it, and nothing is sent."""
    (candidate,) = summoned(answering)
    interact(answering)
    answering.later(days=1)
    put(answering, inbox.put(candidate))
    again = interact(answering)

    assert ([], 1, ()) == (states(again), answering.creates(), waiting(answering))


def test_a_user_is_followed_once_whatever_posts_lead_there(answering: World) -> None:
    """Two finds of one author on two days make one follow, by the user's id."""
    enterprise(answering)
    posts = [answering.sandbox.actors.post("miller", f"Rye {n}") for n in range(2)]
    for post in posts:
        put(answering, inbox.put(found(post, Kind.FOLLOW, world=answering, summons=False)))
        interact(answering)
        answering.later(days=1)

    sent = answering.sandbox.requests("POST /2/users/:id/following")
    assert [{"target_user_id": posts[0].author_id}] == bodies(sent)


def test_of_two_claims_one_holds(answering: World) -> None:
    """A second process that has seen the same inbox finds the candidate gone, and makes no second action."""
    summoned(answering)
    slow, quick = answering.session(), answering.session()
    account = slow.open()
    interacting.claim(quick.desk, quick.open(), quick.given.texts)
    after = interacting.claim(slow.desk, account, slow.given.texts)
    actions = list(slow.store.actions("default"))
    slow.close()
    quick.close()

    assert (1, {}) == (len(actions), after.stored)


# --------------------------------------------------------------------------------------------------------- kinds


def test_each_kind_goes_to_its_own_endpoint_at_its_own_price(answering: World) -> None:
    """Repost, like, follow and quote of one find: four calls, each named, booked and counted for itself."""
    enterprise(answering)
    post = answering.sandbox.actors.post("miller", "Rye, at last")
    kinds = (Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW)
    put(answering, inbox.put(found(post, *kinds, world=answering, summons=False)))
    done = interact(answering)
    usage = answering.account().snapshot.usage

    assert [("quote", "sent"), ("repost", "sent"), ("like", "sent"), ("follow", "sent")] == states(done)
    assert [
        [{"text": WORDS[0], "quote_tweet_id": post.id}],
        [{"tweet_id": post.id}],
        [{"tweet_id": post.id}],
        [{"target_user_id": post.author_id}],
    ] == [
        bodies(answering.sandbox.requests(endpoint))
        for endpoint in (
            "POST /2/tweets",
            "POST /2/users/:id/retweets",
            "POST /2/users/:id/likes",
            "POST /2/users/:id/following",
        )
    ]
    assert dict.fromkeys((f"2026-11-25/{kind.value}" for kind in kinds), 1) == dict(usage.kinds)
    assert dict.fromkeys((kind.value for kind in kinds), 10_000) == {
        kind: micros for kind, micros in usage.days["2026-11-25"].kind_micros.items() if kind != "read"
    }


def test_a_post_gets_one_answer_in_words(answering: World) -> None:
    """Where reply and quote are both allowed, the reply is it: X wants at most one answer to an interaction."""
    enterprise(answering)
    summoned(answering, 1, Kind.REPLY, Kind.QUOTE)

    assert [("reply", "sent")] == states(interact(answering))
    assert 1 == answering.creates()


@pytest.mark.parametrize("kind", [Kind.LIKE, Kind.FOLLOW, Kind.QUOTE])
def test_what_the_plan_does_not_permit_is_not_even_claimed(answering: World, kind: Kind) -> None:
    """On pay-per-use a candidate for a like, follow or quote is dropped: no action, no call."""
    summoned(answering, 1, kind)
    done = interact(answering)

    assert ([], ()) == (states(done), waiting(answering))
    assert [] == [one.endpoint for one in answering.sandbox.requests() if one.method == "POST"]


def test_off_is_off(answering: World) -> None:
    """With replies off a summons is dropped, and with the flag turned off later a waiting reply is refused."""
    answering.with_settings(feature_flags=FeatureFlags(allow_replies=Flag.OFF))
    summoned(answering)
    none = interact(answering)
    answering.with_settings(feature_flags=FeatureFlags(), jitter_seconds=(300, 300))
    answering.sandbox.actors.post("baker", "@songpost and wheat?")
    summoned_post = answering.sandbox.posts("baker")[0]
    put(answering, inbox.put(found(summoned_post, world=answering, username="baker")))
    session = answering.session()
    interacting.claim(session.desk, session.open(), session.given.texts)
    session.close()
    answering.with_settings(feature_flags=FeatureFlags(allow_replies=Flag.OFF))
    late = interact(answering)

    assert ([], [("reply", "refused")], 0) == (states(none), states(late), answering.creates())


def test_an_inbox_that_was_never_filled_is_not_asked(answering: World) -> None:
    """An account of which nobody wanted anything saves the request: with nothing found, nothing is looked for."""
    session = answering.session()
    snapshot = replace(session.open().snapshot, reading=Positions())
    session.store.close()

    assert interacting.NOTHING == interacting.look(session.store, snapshot, answering.clock.now())


# ------------------------------------------------------------------------------------------------------- maxima


def test_maxima_count_across_ticks_and_windows(answering: World) -> None:
    """Of five summons three are answered in a window, over two ticks; the others wait for the next one."""
    summoned(answering, 2)
    interact(answering)
    posts = [answering.sandbox.actors.post(f"baker{n}", f"@songpost rye {n}") for n in range(3)]
    put(answering, *(inbox.put(found(post, world=answering)) for post in posts))
    answering.later(minutes=5)
    interact(answering)
    today = answering.creates()
    answering.later(days=1)
    interact(answering)

    assert (3, 5, ()) == (today, answering.creates(), waiting(answering))


def test_a_day_has_a_maximum_of_its_own(answering: World) -> None:
    """Two windows of three replies hold no more than four in a day."""
    spans = {"first": ("10:00", "11:30"), "second": ("11:30", "12:00")}
    answering.with_settings(
        max_interactions_per_day=InteractionsPerDay(reply=4),
        schedule=replace(answering.settings.schedule, windows=spans),
    )
    summoned(answering, 5)
    interact(answering)
    first = answering.creates()
    answering.later(minutes=45)
    interact(answering)

    assert (3, 4, 1) == (first, answering.creates(), len(waiting(answering)))


def test_what_finds_no_room_waits_for_the_kinds_that_are_left(answering: World) -> None:
    """A find whose repost has room and whose reply has none is reposted, and waits for its reply."""
    answering.with_settings(max_per_window=PerKind(post=0, reply=1, repost=3))
    summoned(answering, 2, Kind.REPLY, Kind.REPOST)
    done = interact(answering)

    assert [("reply", "sent"), ("repost", "sent"), ("repost", "sent")] == states(done)
    assert [(Kind.REPLY,)] == [candidate.allowed for candidate in waiting(answering)]


@pytest.mark.parametrize("why", ["outside", "quiet", "paused", "expired"])
def test_nothing_is_claimed_when_nothing_may_begin(answering: World, why: str) -> None:
    """Outside of windows, in quiet hours, while paused and after its expiry a summons is not claimed."""
    summoned(answering)
    if why == "outside":
        answering.later(hours=2)
    if why == "quiet":
        answering.with_settings(quiet_hours=("10:30", "11:30"))
    if why == "paused":
        session = answering.session()
        control.pause(session.desk, "a test", "a person")
        session.close()
    if why == "expired":
        answering.later(days=4)
    done = interact(answering)

    assert ([], 0) == (states(done), answering.creates())
    assert ([] if why == "expired" else [Kind.REPLY]) == [kind for one in waiting(answering) for kind in one.allowed]


# -------------------------------------------------------------------------------------------------------- words


def test_replies_differ_from_each_other_and_from_what_was_said(answering: World) -> None:
    """Each summons gets the next reply; one too much alike a text of the month is passed over."""
    answering.texts = (
        Text(id="same", topic=REPLIES, variants=("Rye wants a wet hand and patience!", WORDS[3])),
        *ANSWERS,
    )
    summoned(answering, 3)
    interact(answering)

    texts = [body["text"] for body in bodies(answering.sandbox.requests("POST /2/tweets")) if isinstance(body, dict)]
    assert ["Rye wants a wet hand and patience!", WORDS[1], WORDS[2]] == texts


def test_without_replies_a_person_writes_one(answering: World) -> None:
    """A summons becomes a proposal without words, which cannot be approved; once written and approved it is sent."""
    answering.texts = TEXTS
    (candidate,) = summoned(answering)
    first = interact(answering)
    key = candidate.action_key(Kind.REPLY)
    proposed = answering.action(key)
    session = answering.session()
    with pytest.raises(Refusal, match="the text is empty"):
        approvals.approve(session.desk, session.open(), key, by="a person")
    approvals.edit(session.desk, session.open(), key, text="It likes it wet.", by="a person")
    approvals.approve(session.desk, answering.account(), key, by="a person")
    session.close()
    answering.later(minutes=5)
    interact(answering)

    assert [] == states(first)
    assert (State.PROPOSED, "", candidate.expires_at) == (proposed.state, proposed.text, proposed.closes_at)
    assert ["It likes it wet."] == answering.posts()[-1:]


def test_a_reply_that_asks_waits_for_a_word(answering: World) -> None:
    """With `approval.reply: ask` the reply is proposed with its words, for as long as the summons is worth one."""
    answering.with_settings(approval=Approval())
    (candidate,) = summoned(answering)
    interact(answering)
    done = answering.action(candidate.action_key(Kind.REPLY))

    assert (State.PROPOSED, WORDS[0], candidate.expires_at) == (done.state, done.text, done.closes_at)
    assert 0 == answering.creates()


def test_whoever_asks_to_be_left_alone_meanwhile_gets_nothing(answering: World) -> None:
    """An opt-out before the claim drops the candidate, one after it abandons the action: no call either way."""
    first, second = summoned(answering, 2)
    gone = OptOut(user_id=first.author_id, at=START, post_id="1", word="stop")
    put(answering, inbox.opt_out(gone))
    session = answering.session()
    interacting.claim(session.desk, session.open(), session.given.texts)
    session.close()
    put(answering, inbox.opt_out(replace(gone, user_id=second.author_id)))
    done = interact(answering)

    assert ([("reply", "abandoned")], 0, ()) == (states(done), answering.creates(), waiting(answering))


# ----------------------------------------------------------------------------------------------- one after the other


def test_interactions_keep_their_distance_and_the_same_one_at_every_asking(answering: World) -> None:
    """Calls lie at least as far apart as the settings' shortest jitter, drawn from the key alone."""
    answering.with_settings(jitter_seconds=(8, 20))
    summoned(answering, 3)
    interact(answering)
    at = [request.at for request in answering.sandbox.requests("POST /2/tweets")]
    apart = [(after - before).total_seconds() for before, after in itertools.pairwise(at)]

    assert 3 == len(at)
    assert all(8 <= seconds <= 21 for seconds in apart)


@pytest.mark.parametrize(("remaining", "jitter", "sent"), [(50.0, 20, 1), (900.0, 20, 3), (900.0, 90, 1)])
def test_no_tick_sleeps_longer_than_it_has_time(answering: World, remaining: float, jitter: int, sent: int) -> None:
    """Where a wait and an action after it do not fit, or the wait is long, the next tick goes on."""
    answering.with_settings(jitter_seconds=(jitter, jitter))
    summoned(answering, 3)
    begun = answering.clock.now()
    interact(answering, remaining)
    slept = (answering.clock.now() - begun).total_seconds()
    first = answering.creates()
    for _ in range(4):
        answering.later(minutes=5)
        interact(answering)

    assert (sent, 3) == (first, answering.creates())
    assert slept <= remaining - 45


def test_one_refusal_of_x_ends_its_action_and_not_the_tick(answering: World) -> None:
    """A post that mentions the account no more is refused with a 403; the next summons is answered all the same."""
    stranger = answering.sandbox.actors.post("stranger", "Rye is hard")
    put(answering, inbox.put(found(stranger, world=answering)))
    answering.later(minutes=1)
    summoned(answering)
    done = interact(answering)

    assert [("reply", "refused"), ("reply", "sent")] == states(done)
    assert [403, 201] == [request.status for request in answering.sandbox.requests("POST /2/tweets")]


def test_the_mode_says_which_half_works(answering: World) -> None:
    """`post` leaves the inbox alone, `interact` the plan."""
    answering.with_settings(max_per_window=PerKind(post=1, reply=3))
    answering.texts = (*TEXTS, *ANSWERS)
    answering.later(minutes=58)
    summoned(answering)

    assert [("post", "sent")] == states(interact(answering, mode="post"))
    assert 1 == len(waiting(answering))
    assert [("reply", "sent")] == states(interact(answering, mode="interact"))


def test_a_dry_run_shows_what_a_live_run_then_does(answering: World) -> None:
    """The actions that a dry run foretells, and what their gates say, are those of the live run after it."""
    summoned(answering, 4)
    session = answering.session(dry_run=False)
    look = interacting.look(session.store, session.open().snapshot, answering.clock.now())
    ids = iter(range(100))
    dry = foretell(session.open(), session.given.texts, answering.clock.now(), lambda: str(next(ids)), look)
    session.close()
    heard = len(answering.sandbox.requests())
    live = interact(answering)

    def shown(steps: Sequence[object]) -> list[tuple[str, str, bool]]:
        return [
            (step.action.key, step.action.text, isinstance(step.decision, Refused))  # type: ignore[attr-defined]
            for step in steps
        ]

    assert 0 == heard
    assert shown((*dry.steps, *dry.foretold)) == shown(live.steps)
    assert 3 == len(live.steps)


def test_a_person_sees_whom_an_answer_is_for(answering: World) -> None:
    """A tick shown to a person names who is answered and what they wrote; a machine gets the post's id."""
    (candidate,) = summoned(answering, 1, Kind.REPOST)
    (step,) = interact(answering).steps
    lines = list(step_lines(step, ZoneInfo("UTC")))

    assert "    to     @miller0: @songpost what about rye, 0?" in lines
    assert not any(line.startswith("    arm") for line in lines)
    assert candidate.post_id == summary.of_step(step, dry_run=False)["target_id"]


# ------------------------------------------------------------------------------------------------------ lost answers


def test_a_lost_reply_is_found_in_the_timeline(answering: World) -> None:
    """A reply whose answer was lost is not sent again: the own timeline shows it."""
    answering.fault("answer lost")
    (candidate,) = summoned(answering)
    interact(answering)
    lost = answering.action(candidate.action_key(Kind.REPLY)).state
    answering.later(minutes=5)
    interact(answering)

    assert (State.UNKNOWN, State.SENT) == (lost, answering.action(candidate.action_key(Kind.REPLY)).state)
    assert 1 == answering.creates()


@pytest.mark.parametrize(("lost", "calls", "state"), [(1, 2, State.SENT), (2, 2, State.ABANDONED)])
def test_a_lost_repost_is_done_once_more(answering: World, lost: int, calls: int, state: State) -> None:
    """It is repeated once, booked for itself, and then let go; each lost call counts as spent."""
    for _ in range(lost):
        answering.fault("answer lost", "POST /2/users/:id/retweets")
    (candidate,) = summoned(answering, 1, Kind.REPOST)
    for _ in range(5):
        interact(answering)
        answering.later(minutes=3)
    done = answering.action(candidate.action_key(Kind.REPOST))
    usage = answering.account().snapshot.usage

    assert (calls, state) == (len(answering.sandbox.requests("POST /2/users/:id/retweets")), done.state)
    assert [15_000] * calls == [attempt.settled_micros for attempt in done.attempts]
    assert (15_000 * calls, 1) == (usage.days["2026-11-25"].kind_micros["repost"], usage.kinds["2026-11-25/repost"])


def test_a_lost_repost_is_not_done_again_after_a_quarter_of_an_hour(answering: World) -> None:
    """Later than 15 minutes nothing is repeated: the repost is let go, with the word that it may be there."""
    answering.fault("answer lost", "POST /2/users/:id/retweets")
    (candidate,) = summoned(answering, 1, Kind.REPOST)
    interact(answering)
    answering.later(minutes=16)
    interact(answering)
    done = answering.action(candidate.action_key(Kind.REPOST))

    assert State.ABANDONED is done.state
    assert "no answer, and too late for a second time: it may have taken effect" == done.reason
    assert 1 == len(answering.sandbox.requests("POST /2/users/:id/retweets"))


def test_a_repost_in_flight_is_left_to_whoever_sends_it() -> None:
    """While its lease runs, an action that is being sent is not taken for lost."""
    sending: Action = tried(action(kind=Kind.REPOST), NOW)
    account = ledger.Account(snapshot(), {sending.key: StoredAction(sending, 1)})

    assert () == repeating.due(account, NOW + timedelta(seconds=100))
    assert (sending.key,) == repeating.due(account, NOW + timedelta(seconds=155))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, CRASHES + 1))
def test_a_crash_at_any_step_answers_once_and_loses_nothing(answering: World, step: int, *, after: bool) -> None:
    """Whatever commit or call the process dies at, X ends with one reply and one repost, and the ledger says so."""
    (candidate,) = summoned(answering, 1, Kind.REPLY, Kind.REPOST)
    with suppress(Crash):
        interact(breaking(answering, step, after=after))
    whole(answering)
    for _ in range(6):
        answering.later(minutes=4)
        interact(answering)
    ends = {kind: answering.action(candidate.action_key(kind)).state for kind in (Kind.REPLY, Kind.REPOST)}

    assert dict.fromkeys(ends, State.SENT) == ends
    assert [WORDS[0]] == [post.text for post in answering.sandbox.posts() if post.in_reply_to_id]
    assert 2 >= len(answering.sandbox.requests("POST /2/users/:id/retweets"))
    assert answering.bill_micros <= answering.spent_micros()


def test_the_crashes_cover_the_whole_tick(answering: World) -> None:
    """The step past the last one is never reached: the range above meets every commit and call."""
    summoned(answering, 1, Kind.REPLY, Kind.REPOST)

    assert ["sent", "sent"] == [state for _, state in states(interact(breaking(answering, CRASHES, after=False)))]


# ------------------------------------------------------------------------------------------------ the account itself


def test_no_live_action_goes_out_before_the_bio_names_the_operator(answering: World) -> None:
    """The bio is read with the user, and again after six hours; until it names the operator nothing is sent."""
    owner = answering.sandbox.service.owner
    world = answering.sandbox.service.world
    world.users[owner.id] = replace(owner, description="Bread, by hand.")
    summoned(answering)
    first = interact(answering)
    answering.later(minutes=5)
    interact(answering)
    reads = len(answering.sandbox.requests("GET /2/users/me"))
    world.users[owner.id] = replace(owner, description="Bread. A bot of @Example_Owner")
    answering.later(days=1)
    interact(answering)

    refused = first.steps[0].decision
    assert isinstance(refused, Refused)
    assert "rule operator-in-bio, since 2022-02-16, X automation rules" in refused.reason
    assert (1, 2) == (reads, len(answering.sandbox.requests("GET /2/users/me")))
    assert State.ABANDONED is answering.action(first.steps[0].action.key).state


def test_the_inbox_is_read_while_the_newest_find_may_wait(answering: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week after the newest candidate the inbox is empty, however lately the place was read: no request is made."""
    session = answering.session()
    snapshot, now = session.open().snapshot, answering.clock.now()
    found_at = now - timedelta(days=6)
    asked: list[str] = []

    def waiting(*_: object) -> tuple[Candidate, ...]:
        asked.append("inbox")
        return ()

    monkeypatch.setattr(inbox, "waiting", waiting)
    newest = Position(found=1, found_at=found_at, read_at=now)
    requests = []
    for place in (newest, replace(newest, found_at=found_at - timedelta(days=1)), Position(read_at=now)):
        interacting.look(session.store, replace(snapshot, reading=Positions(places={"mentions": place})), now)
        requests.append(len(asked))
    session.close()

    assert [1, 1, 1] == requests
