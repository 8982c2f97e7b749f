"""The table of policy cases: which kind of action may go out on which plan in which situation, or which rule forbids.

Written down a second time, from X's pages and the settings' own comments; `test_policy_table.py` holds the gates to
it, and `scripts/policy_table.py` makes docs/policy.md of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from songpost.account_documents import Fingerprints, Identity
from songpost.core import similarity
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Kind, Media
from songpost.money_settings import Budget, Prices
from songpost.settings import Approval, ByRisk, Consent, FeatureFlags, Flag, InteractionsPerDay, PerKind, Plan
from tests.unit.core.cases import NOW, SETTINGS, WORDS, action, snapshot

ALL = "pay-per-use enterprise free basic pro"
SELF_SERVE = "pay-per-use free basic pro"
PAID = "pay-per-use basic pro"
BIO = "Bakes by itself. Run by @example_owner."
OPEN = replace(
    SETTINGS,
    max_per_window=PerKind(post=3, reply=3, quote=3, repost=3, like=3, follow=3),
    approval=Approval(
        **dict.fromkeys(("post", "reply", "quote", "repost", "like", "follow"), Consent.AUTO),  # type: ignore[arg-type]
        by_risk=ByRisk(mention=Consent.AUTO, generated=Consent.AUTO),
    ),
)
"""Settings that let every kind go out, as far as the plan and the rules do."""
CONTRACT = Budget(
    usd_per_month=Decimal(100),
    burst_days=None,
    prices=Prices(
        **dict.fromkeys(
            (
                "post_create",
                "post_create_url",
                "reply_create",
                "interaction",
                "delete",
                "media_metadata",
                "post_read",
                "user_read",
            ),
            Decimal("0.01"),
        )
    ),
)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One row: a kind in a situation. `refused` names by rule the plans that it is refused on; on all others it may go.

    `settings` and `action` are what differs from `OPEN` and from a plain action of the kind; `bio` is the account's.
    """

    kind: Kind
    words: str
    refused: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    action: Mapping[str, object] = field(default_factory=dict)
    bio: str | None = BIO
    said_before: str = ""

    def rule(self, plan: Plan) -> str:
        """The rule that refuses it on a plan; empty where it may go out."""
        return next((rule for rule, plans in self.refused.items() if plan.value in plans.split()), "")

    def case(self, plan: Plan) -> tuple[Snapshot, Action]:
        """The account and the action at `NOW`."""
        settings = replace(OPEN, plan=plan, budget=CONTRACT if plan is Plan.ENTERPRISE else OPEN.budget)
        settings = replace(settings, **self.settings)  # type: ignore[arg-type]  # names of fields
        identity = Identity(user_id="1", username="songpost", credentials="", learned_at=NOW, bio=self.bio)
        said = (similarity.entry(self.said_before, NOW - timedelta(days=1)),) if self.said_before else ()
        account = replace(snapshot(settings), identity=identity, fingerprints=Fingerprints(entries=said))
        return account, replace(action(kind=self.kind), **self.action)  # type: ignore[arg-type]  # names of fields


def _off(**flags: Flag) -> dict[str, object]:
    return {"feature_flags": FeatureFlags(**flags)}


CASES: tuple[Situation, ...] = (
    Situation(kind=Kind.POST, words="a text"),
    Situation(kind=Kind.DELETE, words="the owner's word"),
    Situation(kind=Kind.REPLY, words="the post mentions the account or quotes it", refused={"plan": "free"}),
    Situation(
        kind=Kind.REPLY,
        words="a search found the post",
        action={"summoned": False},
        refused={"plan": "free", "summoned-reply": PAID},
    ),
    Situation(
        kind=Kind.REPLY,
        words="names no post",
        action={"target_id": ""},
        refused={"plan": "free", "reply-target": f"{PAID} enterprise"},
    ),
    Situation(kind=Kind.QUOTE, words="any post", refused={"plan": SELF_SERVE}),
    Situation(kind=Kind.REPOST, words="any post", refused={"plan": "free"}),
    Situation(kind=Kind.LIKE, words="any post", refused={"plan": SELF_SERVE}),
    Situation(kind=Kind.FOLLOW, words="any user", refused={"plan": SELF_SERVE}),
    *(
        Situation(
            kind=kind,
            words="its feature flag is off",
            settings=_off(**{f"allow_{name}": Flag.OFF}),
            refused={"plan": plans, "feature-flag": " ".join(set(ALL.split()) - set(plans.split()))},
        )
        for kind, name, plans in (
            (Kind.REPLY, "replies", "free"),
            (Kind.QUOTE, "quotes", SELF_SERVE),
            (Kind.REPOST, "reposts", "free"),
            (Kind.LIKE, "likes", SELF_SERVE),
            (Kind.FOLLOW, "follows", SELF_SERVE),
        )
    ),
    Situation(
        kind=Kind.POST,
        words="with a picture, and media are off",
        settings=_off(allow_media=Flag.OFF),
        action={"media": (Media(path="a.png", alt_text="A loaf."),)},
        refused={"feature-flag": ALL},
    ),
    Situation(
        kind=Kind.POST,
        words="approval of its kind is never",
        settings={"approval": Approval(post=Consent.NEVER)},
        refused={"consent": ALL},
    ),
    Situation(kind=Kind.POST, words="no words", action={"text": " "}, refused={"empty": ALL}),
    Situation(
        kind=Kind.REPLY,
        words="no words yet: a person writes them",
        action={"text": ""},
        refused={"plan": "free", "empty": f"{PAID} enterprise"},
    ),
    Situation(kind=Kind.POST, words="281 characters", action={"text": "a" * 281}, refused={"length": ALL}),
    Situation(
        kind=Kind.POST,
        words="a direction override",
        action={"text": "Rye \u202ewants"},
        refused={"control-characters": ALL},
    ),
    Situation(kind=Kind.POST, words="one cashtag", action={"text": "Half a $BREAD"}),
    Situation(
        kind=Kind.POST, words="two cashtags", action={"text": "$RYE and $OAT"}, refused={"one-cashtag": SELF_SERVE}
    ),
    Situation(
        kind=Kind.POST,
        words="mentions somebody",
        action={"text": "Thanks to @miller"},
        refused={"unsolicited-mention": ALL},
    ),
    Situation(
        kind=Kind.QUOTE,
        words="mentions somebody",
        action={"text": "Thanks to @miller"},
        refused={"plan": SELF_SERVE, "unsolicited-mention": "enterprise"},
    ),
    Situation(
        kind=Kind.REPLY, words="mentions whom it answers", action={"text": "@miller It does"}, refused={"plan": "free"}
    ),
    Situation(
        kind=Kind.REPLY,
        words="mentions a third person",
        action={"text": "Ask @baker"},
        refused={"plan": "free", "unsolicited-mention": f"{PAID} enterprise"},
    ),
    Situation(
        kind=Kind.POST,
        words="matches a blocked pattern",
        settings={"blocked_patterns": ("(?i)giveaway",)},
        action={"text": "A Giveaway of loaves"},
        refused={"blocked-pattern": ALL},
    ),
    Situation(kind=Kind.POST, words="alike a text of yesterday", said_before=WORDS + "!", refused={"duplicate": ALL}),
    Situation(
        kind=Kind.REPLY,
        words="alike a text of yesterday",
        said_before=WORDS,
        refused={"plan": "free", "duplicate": f"{PAID} enterprise"},
    ),
    *(
        Situation(
            kind=kind,
            words="nobody attested the Automated label",
            settings={"automated_label_attested_on": None},
            refused={"automated-label": ALL} if kind is Kind.POST else {},
        )
        for kind in (Kind.POST, Kind.DELETE)
    ),
    Situation(
        kind=Kind.POST,
        words="the label is attested for tomorrow",
        settings={"automated_label_attested_on": date(2026, 11, 26)},
        refused={"automated-label": ALL},
    ),
    Situation(
        kind=Kind.REPOST,
        words="the settings name no operator",
        settings={"operator": " @ "},
        refused={"plan": "free", "operator-in-bio": f"{PAID} enterprise"},
    ),
    Situation(
        kind=Kind.POST,
        words="the bio does not name the operator",
        bio="Bread, by hand. Not run by @example_owners.",
        refused={"operator-in-bio": ALL},
    ),
    Situation(kind=Kind.POST, words="the bio was not read yet (a dry run)", bio=None),
    Situation(
        kind=Kind.POST, words="quiet hours", settings={"quiet_hours": ("11:59", "12:01")}, refused={"quiet-hours": ALL}
    ),
    Situation(kind=Kind.DELETE, words="quiet hours", settings={"quiet_hours": ("11:59", "12:01")}),
    Situation(
        kind=Kind.REPLY,
        words="the day's maximum is none",
        settings={"max_interactions_per_day": InteractionsPerDay(reply=0)},
        refused={"window quota": ALL},
    ),
)
