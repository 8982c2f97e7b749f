"""`songpost evaluate`: what another policy would have earned, with intervals, and whether the log can tell."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from songpost.bootstrap import Session
from songpost.cli.run import wrapped
from songpost.cli.terminal import BAD, GOOD, WARN, shown, span, table
from songpost.errors import UsageError
from songpost.lab import decision_log
from songpost.lab import evaluate as lab
from songpost.lab.evaluate import Evaluation
from songpost.lab.off_policy import Estimate
from songpost.model import Json

if TYPE_CHECKING:
    from rich.console import Console


def evaluate(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Estimate a policy on the account's log, or on one in a file."""
    words.watch = None
    most_weight = math.inf if words.clip is None else words.clip
    if not most_weight > 0:
        raise UsageError(f"{most_weight:g} is no weight", where="--clip", mend="give a number above 0, such as 20")
    by_arm = None if words.policy in lab.POLICIES else lab.policy_file(Path(words.policy))

    def look(session: Session) -> Evaluation:
        if words.log:
            log = decision_log.from_file(Path(words.log), words.policy)
        else:
            log = decision_log.from_store(session.store, session.account, words.policy)
        return lab.evaluate(log, words.policy, by_arm, most_weight)

    return shown(words, environ, look, tell=_as_json, draw=_draw)


def _as_json(found: Evaluation) -> dict[str, Json]:
    return {
        "policy": found.policy,
        "log": {
            "source": found.log.source,
            "decisions": found.log.decisions,
            "choices": len(found.log.choices),
            "uncredited": found.log.uncredited,
            "doubtful": found.log.doubtful,
            "overridden": found.estimates[0].unsupported,
            "without_candidate": found.silent,
        },
        "estimates": [_estimate_json(one) for one in found.estimates],
        "logged": _estimate_json(found.logged),
        "gain": _estimate_json(found.gain),
        "effective_sample_size": found.estimates[0].effective,
        "unreachable": found.unreachable,
        "warnings": [{"name": one.name, "message": one.message} for one in found.warnings],
    }


def _estimate_json(one: Estimate) -> dict[str, Json]:
    """An estimate; an interval without end is null, as JSON knows no infinity."""
    low, high = (value if math.isfinite(value) else None for value in (one.low, one.high))
    return {
        "method": one.method,
        "value": one.value,
        "low": low,
        "high": high,
        "choices": one.choices,
        "effective_sample_size": one.effective,
        "clipped": one.clipped,
    }


def _draw(page: Console, found: Evaluation) -> None:
    log = found.log
    told = f"{len(log.choices)} credited choices of {log.decisions} decisions ({log.source})"
    if log.doubtful or found.silent or found.estimates[0].unsupported:
        told += (
            f"; left out: {log.doubtful} in doubt, {found.estimates[0].unsupported} overridden, "
            f"{found.silent} without a candidate of the policy"
        )
    for line in wrapped(f"Policy {found.policy}, from {told}."):
        page.print(line)
    page.print()
    lines = [("as it was", found.logged), *((one.method, one) for one in found.estimates)]
    most = max((one.high for _, one in lines if math.isfinite(one.high)), default=0.0)
    rows = [
        [
            name,
            f"{one.value:.3%}",
            f"{one.low:.3%} … {one.high:.3%}",
            span(page, max(one.low, 0.0), max(one.value, 0.0), one.high, most) if math.isfinite(one.high) else "",
        ]
        for name, one in lines
    ]
    table("Engagement an impression, a post", ("estimate", "value", "95 % interval", ""), rows, right=(1, 2), page=page)
    gain = found.gain
    style = GOOD if gain.low > 0 else BAD if gain.high < 0 else WARN
    page.print()
    page.print(f"Gain over what was done: {gain.value:+.3%} ({gain.low:+.3%} … {gain.high:+.3%})", style=style)
    first = found.estimates[0]
    page.print(f"Effective choices: {first.effective:.1f} of {first.choices}")
    for warning in found.warnings:
        for line in wrapped(f"{warning.name}: {warning.message}.", hang=2):
            page.print(line, style=WARN)
