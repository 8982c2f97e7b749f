"""`songpost doctor`: what it asks, what it finds, and that it asks X only when told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.conftest import SETTINGS, House


def findings(said: str) -> dict[str, list[Any]]:
    """What it found, by area."""
    found: dict[str, list[Any]] = {}
    for one in json.loads(said)["findings"]:
        found.setdefault(one["area"], []).append(one)
    return found


def test_a_sound_account_is_told_so_without_a_call(house: House) -> None:
    """After yesterday's post everything is in order, X was not asked, and the words fit 80 columns."""
    berlin = ZoneInfo("Europe/Berlin")
    yesterday = datetime.now(UTC).astimezone(berlin).date() - timedelta(days=1)
    house.tick(datetime.combine(yesterday, time(12, 59), berlin).isoformat())
    before = len(house.sandbox.ask("requests"))
    said = house.run("doctor")
    assert before == len(house.sandbox.ask("requests"))
    assert "BAD" not in said
    assert "the bio names the operator" in said
    assert [] == [line for line in said.splitlines() if len(line) > 80]


def test_a_ledger_that_has_not_moved_for_days_is_told(house: House) -> None:
    """Nothing was booked or read since long ago: somebody ought to look whether it is scheduled at all."""
    house.tick()
    house.run("doctor", code=1)
    assert "BAD   last tick: the ledger moved last at 2026-11-25" in house.said[-2]


def test_asking_x_is_one_booked_read(house: House) -> None:
    """`--dry-run false` asks who the keys are, once, and the ledger knows of the cost."""
    house.run("plan")
    before = house.sandbox.ask("bill")["spent_micros"]
    found = findings(house.run("doctor", "--dry-run", "false", "--json"))
    assert ["GET /2/users/me"] == [f"{r['method']} {r['path']}" for r in house.sandbox.ask("requests")]
    assert any("takes the keys" in one["what"] for one in found["X"])
    assert 10_000 == house.sandbox.ask("bill")["spent_micros"] - before
    assert "0.01" in house.run("budget", "--json")


def test_each_fault_has_its_mend(house: House) -> None:
    """No keys, no label, a pause: each is named with what to do, and the exit code says that something is bad."""
    house.environ["X_API_KEY"] = ""
    (house.folder / "songpost.yaml").write_text(
        SETTINGS.replace("automated_label_attested_on", "# automated_label_attested_on")
    )
    house.run("pause", "--reason", "holidays")
    house.run("doctor", "--json", code=1)
    found = findings(house.said[-2])
    assert any("X_API_KEY" in one["what"] and one["mend"] for one in found["keys"])
    assert any("Automated label" in one["what"] for one in found["label and operator"])
    assert any("holidays" in one["what"] for one in found["account"])


def test_a_wrong_clock_is_told(house: House) -> None:
    """A clock ten minutes off X's is bad, and is said to be the clock."""
    house.at("2026-11-25T12:00:00+01:00")
    house.run("doctor", "--dry-run", "false", "--json", code=1)
    assert any("ClockError" in one["what"] for one in findings(house.said[-2])["X"])
