"""Writes docs/policy.md: what may go out on which plan in which situation, from the table that the tests are made of.

A test holds the page equal to it.

    .venv/bin/python scripts/policy_table.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:  # run as a file, not as a module of the checkout
    sys.path.insert(0, str(ROOT))

from songpost.core import policy  # noqa: E402
from songpost.core.admission import Admitted, Refused, admit  # noqa: E402
from songpost.core.policy import Rule  # noqa: E402
from songpost.settings import Plan  # noqa: E402
from tests.unit.core.cases import NOW  # noqa: E402
from tests.unit.core.policy_cases import CASES  # noqa: E402

PAGE = ROOT / "docs" / "policy.md"
RULES: dict[tuple[str, bool], Rule] = {
    (rule.name, rule is policy.PLAN_FREE): rule for rule in vars(policy).values() if isinstance(rule, Rule)
}
"""Every rule by its name; of `plan` there are two, the second (true) for the plan `free`."""
HEAD = """# What may go out

Before anything is sent, its kind, its text and the account itself are held against these rules, in admission
(`shared/songpost/core/policy.py`); a refusal names the rule, since when it holds, and where it is written. This page is
made of the table that the tests run through whole admission (`tests/unit/core/policy_cases.py`) by
`scripts/policy_table.py`. *yes*: nothing but the other gates (pause, quota, approval, budget, rate limit) can stop it.

| kind | situation | """
NOTES = """
- *plan*, *summoned-reply*: X refuses these itself, with a 403. A summons is a post whose author mentions the account in
  it, or quotes one of the account's posts; Songpost answers that very post, once: the action's key follows from the
  post, and the store keeps one action of a key for ever.
- *automated-label*, *operator-in-bio*: held before every live action but a delete. X's API does not tell of the
  label, so the owner's dated word counts (`automated_label_attested_on`); the bio is read with the account's user, and
  again every six hours while it does not name `operator`. Neither refusal is final: the action goes out once it is
  mended, while its window is open.
- *quiet-hours* hold an action back; where its window is over before them, it is abandoned.
- *duplicate*: also across all accounts of one store. Texts whose shingles share a band of hashes meet in shared
  records, written in the transaction that books the post; a text too much alike another account's is refused.
- An author who asked to be left alone gets nothing more, whatever this table says.
"""


def rule_of(decision: Admitted | Refused) -> str:
    """The rule, or the gate, that refuses a decision; empty where it may go out."""
    if isinstance(decision, Admitted):
        return ""
    if decision.gate == "schedule":
        return policy.QUIET.name if policy.QUIET.source in decision.reason else "schedule"
    named = [name for name, _ in RULES if f"(rule {name}, " in decision.reason]
    return named[0] if named else decision.gate


def page() -> str:
    """The whole page."""
    plans = list(Plan)
    lines = [HEAD + " | ".join(plan.value for plan in plans) + " |", "|---" * (2 + len(plans)) + "|"]
    for case in CASES:
        found = (rule_of(admit(*case.case(plan), NOW, "attempt-1")) for plan in plans)
        cells = (f"no: *{rule}*" if rule else "yes" for rule in found)
        lines.append(f"| {case.kind.value} | {case.words} | {' | '.join(cells)} |")
    lines += ["", "## The rules", "", "| rule | holds since | written in |", "|---|---|---|"]
    for (name, free), rule in sorted(RULES.items()):
        lines.append(f"| {name}{' (free)' if free else ''} | {rule.since.isoformat()} | {rule.source} |")
    return "\n".join(lines) + "\n" + NOTES


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
