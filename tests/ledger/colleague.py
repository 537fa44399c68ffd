"""Another process of the same town, for the tests: opens the ledger, says `ready`, acts when it is told to go."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store import decisions, deliveries, people, queues, subscriptions, workers
from store.db import Store
from store.decisions import Door
from store.deliveries import Outcome, Result
from store.errors import Refused

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def _approve(store: Store, bulletin: str, digest: str, person: str) -> object:
    try:
        by = store.call(people.by_key, person).id
        return store.call(decisions.approve, int(bulletin), digest, person=by, door=Door.LINK, now=NOW)
    except Refused as refused:
        return [refused.code, refused.values.get("by")]


def _join(store: Store, address: str) -> object:
    return store.call(subscriptions.request, address, queue=1, now=NOW)


def _drain(store: Store, batch: str) -> object:
    """Send everything there is; the ids, as a worker saw them."""
    worker = store.call(workers.join, "test", host="here", pid=os.getpid(), now=NOW)
    sent: list[int] = []
    while mails := store.call(deliveries.lease, worker, limit=int(batch), now=NOW):
        results = [Result(mail.id, Outcome.SENT, 250) for mail in mails]
        assert store.call(deliveries.record, worker, results, [], now=NOW) == len(mails)
        sent += [mail.id for mail in mails]
    return sent


def _hold(store: Store, limit: str) -> object:
    """Take rows and keep them, until somebody kills us."""
    worker = store.call(workers.join, "test", host="here", pid=os.getpid(), now=NOW)
    print(
        json.dumps([m.id for m in store.call(deliveries.lease, worker, limit=int(limit), now=NOW)]),
        flush=True,
    )
    threading.Event().wait()
    return None


def _slots(store: Store, route: str, most: str) -> object:
    worker = store.call(workers.join, "test", host="here", pid=os.getpid(), now=NOW)
    lasts = timedelta(minutes=1)
    taken = [
        store.call(workers.take_slot, route, int(most), worker, now=NOW, lasts=lasts)
        for _ in range(int(most))
    ]
    return [n for n in taken if n is not None]


def _commit(store: Store) -> object:
    store.call(queues.ensure, ["rung"])
    return None


ACTS: dict[str, Callable[..., object]] = {
    "approve": _approve,
    "join": _join,
    "drain": _drain,
    "hold": _hold,
    "slots": _slots,
    "commit": _commit,
    "open": lambda _store: None,
}


def main(address: str, act: str, *args: str) -> None:
    """`open` goes before the ledger is opened (the migration is the race); the others after."""
    if act == "open":
        print("ready", flush=True)
        sys.stdin.readline()
    store = Store(address)
    if act != "open":
        print("ready", flush=True)
        sys.stdin.readline()
    answer = ACTS[act](store, *args)
    store.close()
    print(json.dumps(answer), flush=True)


class Colleague:
    """Such a process, seen from the test."""

    def __init__(self, address: str, act: str, *args: str) -> None:
        command = [sys.executable, "-m", "tests.ledger.colleague", address, act, *args]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.say() == "ready"

    def say(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answer(self) -> object:
        """What it had to say at the end."""
        said = json.loads(self.say() or "null")
        self.end()
        assert self.process.returncode == 0
        return said

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait(30)


def together(colleagues: Sequence[Colleague]) -> list[object]:
    """Let them all go at once; what each answered."""
    for one in colleagues:
        one.go()
    return [one.answer() for one in colleagues]


if __name__ == "__main__":
    main(*sys.argv[1:])
