"""Who goes first through a destination's few connections."""

import asyncio

from outbound.turnstile import Turnstile
from store.queues import Lane


async def _visit(gate: Turnstile, lane: Lane, name: str, seen: list[str], go: asyncio.Event) -> None:
    async with gate.place(lane):
        seen.append(name)
        await go.wait()


async def test_the_urgent_overtake_and_equals_keep_their_order() -> None:
    gate, seen, go = Turnstile(1), list[str](), asyncio.Event()
    wanted = [
        (Lane.ROUTINE, "in"),
        (Lane.ROUTINE, "a"),
        (Lane.ROUTINE, "b"),
        (Lane.LIFE, "c"),
        (Lane.SIGN_IN, "d"),
    ]
    tasks = []
    for lane, name in wanted:
        tasks.append(asyncio.create_task(_visit(gate, lane, name, seen, go)))
        await asyncio.sleep(0)
    assert seen == ["in"]
    go.set()
    await asyncio.gather(*tasks)
    assert seen == ["in", "d", "c", "a", "b"]


async def test_one_of_four_places_is_kept_for_the_urgent() -> None:
    gate, seen, go = Turnstile(4), list[str](), asyncio.Event()
    tasks = [asyncio.create_task(_visit(gate, Lane.ROUTINE, f"r{n}", seen, go)) for n in range(6)]
    await asyncio.sleep(0.01)
    assert seen == ["r0", "r1", "r2"]
    tasks.append(asyncio.create_task(_visit(gate, Lane.LIFE, "life", seen, go)))
    await asyncio.sleep(0.01)
    assert seen[3:] == ["life"]
    go.set()
    await asyncio.gather(*tasks)
    assert len(seen) == 7


async def test_who_is_called_off_takes_no_place_with_him() -> None:
    gate, seen, go = Turnstile(2), list[str](), asyncio.Event()
    tasks = [asyncio.create_task(_visit(gate, Lane.ROUTINE, f"r{n}", seen, go)) for n in range(30)]
    await asyncio.sleep(0.01)
    for task in tasks[2:20]:
        task.cancel()
    go.set()
    await asyncio.sleep(0)
    for task in tasks[20:22]:  # these may have been admitted in this very moment
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {f"r{n}" for n in (0, 1, *range(22, 30))} <= set(seen)
    async with asyncio.timeout(1), gate.place(Lane.ROUTINE), gate.place(Lane.ROUTINE):
        pass
