"""Log lines of a real tick: whatever is said about an action names it."""

from __future__ import annotations

import logging

from songpost import telemetry
from tests.unit.agent.conftest import World


class Kept(logging.Handler):
    """Keeps the records that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


def test_a_line_about_a_refused_post_names_its_action(world: World) -> None:
    """X refuses the create: the warning carries the action's key as a field, not only in its words."""
    kept = Kept()
    kept.addFilter(telemetry.Correlation())
    logging.getLogger("songpost").addHandler(kept)
    try:
        world.fault(kind="status", status=403, when="before", endpoint="POST /2/tweets")
        (step,) = world.tick().steps
    finally:
        logging.getLogger("songpost").removeHandler(kept)
    told = [getattr(record, "action", "") for record in kept.records if "403" in record.getMessage()]
    assert {step.action.key} == set(told)
