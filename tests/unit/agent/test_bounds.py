"""What the environment may say about money and plan: it tightens the account's settings, and never loosens them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.bootstrap import open_session
from songpost.core import budget
from songpost.errors import Refusal
from songpost.model import MICROS_PER_USD
from songpost.runtime import Runtime

EXAMPLE = Path(__file__).parents[3] / "songpost.example.yaml"  # pay-per-use, 5 dollars a month, 5 percent kept back
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def _month_micros(folder: Path, **environ: str) -> int:
    """The monthly ceiling that a tick decides by."""
    runtime = Runtime.from_env(
        {"SONGPOST_SETTINGS": str(EXAMPLE), "SONGPOST_STORE": f"sqlite:///{folder}/songpost.db", **environ}
    )
    snapshot = open_session(runtime, {}).open().snapshot
    (month,) = [c for c in budget.ceilings(snapshot.settings, snapshot.usage, NOW) if c.name == "dollars per month"]
    return month.limit


@pytest.mark.parametrize(
    ("bound", "usd"), [("", "5"), ("7", "5"), ("5", "5"), ("4.99", "4.99"), ("0.10", "0.10"), ("0", "0")]
)
def test_the_lower_ceiling_holds(tmp_path: Path, bound: str, usd: str) -> None:
    """A month's money is the lower of the settings' and the environment's; nothing set bounds nothing, 0 everything."""
    expected = int(Decimal(usd) * Decimal("0.95") * MICROS_PER_USD)
    assert expected == _month_micros(tmp_path, SONGPOST_MONTHLY_BUDGET_USD=bound)


def test_a_plan_that_agrees_changes_nothing(tmp_path: Path) -> None:
    """The settings' own plan, named by the environment too, is no hindrance."""
    assert _month_micros(tmp_path) == _month_micros(tmp_path, SONGPOST_PLAN="pay-per-use")


def test_a_plan_that_differs_is_refused_by_name(tmp_path: Path) -> None:
    """Where the environment names another plan than the settings, nothing is decided: caps and prices differ."""
    with pytest.raises(Refusal) as caught:
        _month_micros(tmp_path, SONGPOST_PLAN="pro")
    assert str(caught.value).startswith("SONGPOST_PLAN: is 'pro', but the account's settings say 'pay-per-use'")
