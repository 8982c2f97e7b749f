"""A person's words, as they are typed: approve, edit, reject, plan, delete and pause, against the sandbox over HTTP."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.e2e.conftest import House

ZONE = ZoneInfo("Europe/Berlin")
SETTINGS = """
topics: [gardening, bread]
timezone: Europe/Berlin
operator: "@example_owner"
automated_label_attested_on: 2026-01-01
schedule: {windows: {first: ["00:00", "12:00"], second: ["12:00", "23:59"]}}
max_per_window: {post: 1}
minimum_gap_minutes: 10
content: [texts.yaml]
budget: {usd_per_month: 5}
approval: {post: ask, lead_hours: 48}
"""


def test_a_person_s_words_as_they_are_typed(house: House) -> None:
    """What waits is listed, edited, approved, moved, skipped and rejected; a pause stops all of it; X is the judge."""
    (house.folder / "songpost.yaml").write_text(SETTINGS)
    now = datetime.now(ZONE)
    day = (now + timedelta(days=1)).date().isoformat()
    first, second = f"post/{day}/first/1", f"post/{day}/second/1"
    house.sandbox.ask("clock", {"at": now.isoformat()})
    house.run("run", "--mode", "post", "--dry-run", "false")
    waiting = {one["key"]: one for one in json.loads(house.run("approvals", "list", "--json"))}

    assert {first, second} <= set(waiting)
    assert 0.065 == waiting[first]["price_usd"]
    assert waiting[first]["text"] in house.run("approvals", "list")

    edited = json.loads(house.run("approvals", "edit", first, "--text", "Sow garlic before the frost.", "--json"))
    assert ("proposed", "Sow garlic before the frost.") == (edited["state"], edited["text"])
    assert "not what was shown" in house.run("approvals", "approve", first, "--seen", waiting[first]["digest"], code=1)
    assert "approved" in house.run("approvals", "approve", first, "--seen", edited["digest"][:12])
    assert "waits for no word" in house.run("approvals", "approve", first, code=1)
    assert "rejected" in house.run("approvals", "reject", second, "--reason", "too late")
    assert "NotFound" in house.run("approvals", "approve", "post/2026-11-25/noon/9", code=1)

    assert f"{day} 09:30" in house.run("plan", "move", first, "09:30")
    pinned = json.loads(house.run("plan", "pin", f"{day}T18:00", "--text", "We are at the fair all day.", "--json"))
    assert f"post/{day}/pinned/1" == pinned["key"]
    assert "less than 10 minutes" in house.run("plan", "pin", f"{day}T18:05", "--text", "Twice.", code=1)
    assert "skipped by" in house.run("plan", "skip", pinned["key"])
    house.run("plan", "move", first, "soon", code=2)

    actions = house.actions()
    assert ("planned", "abandoned", "abandoned") == tuple(
        actions[key]["state"] for key in (first, second, pinned["key"])
    )
    assert [] == house.sandbox.creates()
    tick = f"{day}T09:31:00+01:00"
    at = datetime.fromisoformat(tick).replace(tzinfo=None).replace(tzinfo=ZONE).isoformat()
    house.tick(at)
    assert ["Sow garlic before the frost."] == [post["text"] for post in house.sandbox.posts]

    assert "would be deleted for $0.010" in house.run("actions", "delete", first, "--at", at)
    assert 1 == len(house.sandbox.posts)
    assert "paused: fire" in house.run("pause", "--all", "--reason", "fire")
    assert {"default"} == set(json.loads(house.run("resume", "--all", "--json")))
    said = house.run("actions", "delete", first, "--dry-run", "false", "--at", at)
    assert "deleted" in said
    assert [] == house.sandbox.posts
    assert "were deleted at" in house.run("actions", "delete", first, "--dry-run", "false", code=1)
