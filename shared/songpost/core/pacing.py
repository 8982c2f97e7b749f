"""The pace of spending: a month's ceiling is not burnt on its first day. Pure.

The generic cell rate algorithm (GCRA: ITU-T Recommendation I.371, annex A, in its virtual scheduling form), with money
for cells. The monthly ceiling is earned evenly over its billing month; a call that costs `c` takes as much time as `c`
takes to be earned. The one state is the *theoretical arrival*: the moment up to which everything spent so far has been
earned. A call may go where its arrival would lie no further ahead of now than the burst. So in no stretch of time is
more booked, less what is given back in it, than the burst and what the stretch earns; where one call alone is
dearer than the burst, it goes when nothing is owed, and that call takes the place of the burst in the sentence before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from songpost.nouns import dataclass

LONGEST = timedelta(days=366)
"""What one booking moves at most: it keeps a bill far over the ceiling within the calendar."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """`micros` (more than 0) are earned evenly in `period`; what `burst` earns may be spent at once."""

    micros: int
    period: timedelta
    burst: timedelta

    @property
    def burst_micros(self) -> int:
        """What may be spent at once where nothing is owed, rounded down."""
        return self.micros * (self.burst // _TICK) // (self.period // _TICK)


def time_of(pace: Pace, micros: int) -> timedelta:
    """How long it takes to earn an amount, less than nothing for one that is given back; `LONGEST` at most.

    Rounded up to a microsecond, so that a give-back never takes off more than its booking put on.
    """
    ticks = -(-micros * (pace.period // _TICK) // pace.micros)
    most = LONGEST // _TICK
    return timedelta(microseconds=max(-most, min(most, ticks)))


def free_at(pace: Pace, arrival_at: datetime | None, micros: int, now: datetime) -> datetime:
    """When a call of this price may go: `now` (UTC), or the first moment later at which it keeps the pace."""
    if arrival_at is None:
        return now
    return max(now, arrival_at - max(timedelta(0), pace.burst - time_of(pace, micros)))


def moved(pace: Pace, arrival_at: datetime | None, micros: int, at: datetime) -> datetime | None:
    """The theoretical arrival after an amount is booked at `at` (UTC), or given back where it is negative.

    A give-back larger than all that is owed leaves the arrival in the past, which counts as nothing owed: it never
    makes the burst larger.
    """
    if micros > 0:
        return (at if arrival_at is None else max(arrival_at, at)) + time_of(pace, micros)
    return None if arrival_at is None else arrival_at + time_of(pace, micros)


def owed_micros(pace: Pace, arrival_at: datetime | None, now: datetime) -> int:
    """What has been spent and is not earned yet at `now` (UTC), rounded down; 0 or more."""
    if arrival_at is None or arrival_at <= now:
        return 0
    return (arrival_at - now) // _TICK * pace.micros // (pace.period // _TICK)
