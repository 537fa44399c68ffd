"""Delays grow, urgent ones slower, nothing is tried after its end, and a horde does not return together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.retry import PLANS, Urgency, next_due

FIRST = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def due(
    attempts: int,
    urgency: Urgency = Urgency.ROUTINE,
    *,
    now: datetime = FIRST,
    not_after: datetime | None = None,
    jitter: float = 0.5,
) -> datetime | None:
    return next_due(
        attempts=attempts, urgency=urgency, first_due=FIRST, now=now, not_after=not_after, jitter=jitter
    )


def delays(urgency: Urgency) -> list[timedelta]:
    now = FIRST
    found: list[timedelta] = []
    for attempts in range(1, 10_000):
        then = due(attempts, urgency, now=now)
        if then is None:
            return found
        found.append(then - now)
        now = then
    raise AssertionError("never given up")


@pytest.mark.parametrize("urgency", Urgency)
def test_delays_grow_to_a_limit_and_end(urgency: Urgency) -> None:
    found = delays(urgency)
    assert found == sorted(found)
    assert found[0] == PLANS[urgency].first
    assert found[-1] == PLANS[urgency].longest
    assert sum(found, timedelta()) <= PLANS[urgency].lifetime


def test_urgent_mail_is_tried_sooner_and_more_often() -> None:
    life, immediate, routine = (delays(each) for each in Urgency)
    for near, far in ((life, immediate), (immediate, routine)):
        assert all(a < b for a, b in zip(near, far, strict=False))
    # Greylisting: the second or third try falls into the first five minutes.
    assert sum(life[:4], timedelta()) < timedelta(minutes=5)


def test_nothing_is_tried_after_its_end() -> None:
    end = FIRST + timedelta(seconds=121)
    assert due(1, not_after=end) == FIRST + timedelta(seconds=120)
    assert due(1, not_after=end, jitter=0.9) is None
    assert due(2, not_after=end) is None


@given(st.integers(1, 10**6), st.sampled_from(Urgency), st.floats(0, 1, exclude_max=True))
def test_jitter_spreads_and_never_breaks(attempts: int, urgency: Urgency, jitter: float) -> None:
    then = due(attempts, urgency, jitter=jitter)
    middle = due(attempts, urgency)
    assert then is not None
    assert middle is not None
    assert 0.79 < (then - FIRST) / (middle - FIRST) < 1.21
