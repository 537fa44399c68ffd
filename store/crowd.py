"""A crowd of pretend residents written down in a few statements, for measurements; never in a live ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store import categories, choices, ledger
from store.errors import Refused
from store.fields import to_micros
from store.models import sql
from store.pretend import recount

# Residents a transaction, about 20 choices each: seldom enough for the disk, often enough to tell how it goes.
SLICE = 10_000


@dataclass(frozen=True)
class Others:
    """Every `every`-th resident, `most` of them, who go without another category than the rest do."""

    every: int
    most: int
    without: str


def move_in(
    first: int, upto: int, homes: Sequence[tuple[str, int]], *, without: str, others: Others, now: datetime
) -> int:
    """Residents number `first` up to `upto` (SLICE at most), dealt out to `homes` (domain, queue id) in turn.

    Each has the town's initial settings, but for the category `without` (a key), or `others.without` if he is one of
    the others. The ledger has no other subscribers. Call `settled` after the last slice. Returns how many moved in.
    Raises Refused("live-pretend").
    """
    if ledger.who().realm is not ledger.Realm.TRAINING:
        raise Refused("live-pretend")
    before = _last()
    marks = ", ".join("(CAST(? AS BIGINT), ?, CAST(? AS BIGINT))" for _ in homes)
    values = [value for k, (domain, queue) in enumerate(homes) for value in (k, domain, queue)]
    # No % for the remainder: the drivers read it as a mark of their own.
    sql(
        f"""INSERT INTO subscriber (address, queue_id, state, language, format, created_at, confirmed_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?),
        home(k, domain, queue) AS (VALUES {marks})
        SELECT 'jumin' || n.i || '@' || home.domain, home.queue, 'confirmed', 'ja', 'both',
               CAST(? AS BIGINT), CAST(? AS BIGINT)
        FROM n JOIN home ON home.k = n.i - (n.i / {len(homes)}) * {len(homes)} ORDER BY n.i""",  # noqa: S608
        *(first, upto, *values, to_micros(now), to_micros(now)),
    )
    one_of_them = f"s.id = (s.id / {others.every}) * {others.every} AND s.id <= {others.every * others.most}"
    _choose(before, without, f"NOT ({one_of_them})")
    _choose(before, others.without, one_of_them)
    return upto - first + 1


def _last() -> int:
    return int(sql("SELECT COALESCE(MAX(id), 0) FROM subscriber").fetchone()[0])


def _choose(after: int, without: str, who: str) -> None:
    refused = categories.by_key(without).id
    wanted = {key: level for key, level in choices.defaults(home=None).items() if key[0] != refused}
    marks = ", ".join(
        "(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT))" for _ in wanted
    )
    values = [value for (c, a), (level, option) in wanted.items() for value in (c, a, level, option)]
    sql(
        f"""INSERT INTO choice (subscriber_id, category_id, area_id, level, option)
        WITH wanted(category, area, level, option) AS (VALUES {marks})
        SELECT s.id, w.category, w.area, w.level, w.option FROM subscriber s CROSS JOIN wanted w
        WHERE s.id > ? AND {who} ORDER BY s.id""",  # noqa: S608
        *(*values, after),
    )


def settled() -> None:
    """Count what they have chosen, for 約N人."""
    recount()
