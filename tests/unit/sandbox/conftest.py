"""A sandbox on a clock that stands still, and someone to call it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from songpost.lab.sandbox import Rules, Sandbox, VirtualClock
from tests.unit.sandbox.calling import MORNING, Caller


@pytest.fixture
def clock() -> VirtualClock:
    """A Sunday morning that stands still."""
    return VirtualClock(MORNING)


@pytest.fixture
def make(clock: VirtualClock) -> Callable[..., Caller]:
    """A caller on a new sandbox; keyword arguments are rules."""

    def build(*, mode: str = "oauth1", profile: str = "none", seed: int = 0, **rules: object) -> Caller:
        sandbox = Sandbox(
            clock=clock,
            rules=Rules(**rules),  # type: ignore[arg-type] # a test passes what the rule wants
            profile=profile,
            seed=seed,
        )
        return Caller(sandbox, mode=mode)

    return build


@pytest.fixture
def caller(make: Callable[..., Caller]) -> Caller:
    """The account of a new sandbox on pay-per-use, signing with OAuth 1.0a."""
    return make()
