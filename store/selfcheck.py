"""`hansho check --ledger`: prove by counting that nothing was lost, doubled or released without its decision."""

from collections.abc import Callable
from dataclasses import dataclass

from store import bulletins, events
from store.models import Bulletin, sql


@dataclass(frozen=True)
class Finding:
    """Something that must not be; `count` rows of it."""

    code: str
    count: int


# Each question counts what must not exist (MODEL.md, self-check).
_QUESTIONS: dict[str, str] = {
    # Every mailed bulletin in an ended state has only ended rows: expanded = sent + failed + withdrawn + open.
    "sent-with-open-rows": """SELECT COUNT(*) FROM bulletin b WHERE b.state IN ('sent', 'stopped') AND EXISTS
        (SELECT 1 FROM delivery d WHERE d.bulletin_id = b.id AND d.state IN ('queued', 'leased', 'deferred'))""",
    "rows-before-release": """SELECT COUNT(*) FROM delivery d JOIN bulletin b ON b.id = d.bulletin_id
        WHERE b.state NOT IN ('sending', 'sent', 'stopped')""",
    "released-undecided": """SELECT COUNT(*) FROM bulletin b
        WHERE b.state IN ('approved', 'scheduled', 'sending', 'sent', 'stopped') AND NOT EXISTS
        (SELECT 1 FROM decision e WHERE e.bulletin_id = b.id AND e.version_id = b.approved_version_id
        AND e.digest = b.approved_digest AND e.action = 'approve')""",
    "own-approval": """SELECT COUNT(*) FROM decision e JOIN bulletin b ON b.id = e.bulletin_id
        JOIN version v ON v.id = e.version_id WHERE e.action IN ('approve', 'stage') AND (e.person_id = b.submitter_id
        OR (e.person_id = v.author_id AND b.decision <> 'adjust-and-confirm'))""",
    "delivery-without-confirmation": """SELECT COUNT(*) FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id
        WHERE s.confirmed_at IS NULL""",
    # A worker that has ended gave everything back: what it still holds would never be sent.
    "leased-by-nobody": """SELECT COUNT(*) FROM delivery d LEFT JOIN worker w ON w.id = d.worker_id
        WHERE d.state = 'leased' AND (w.id IS NULL OR w.ended_at IS NOT NULL)""",
    "letter-leased-by-nobody": """SELECT COUNT(*) FROM letter d LEFT JOIN worker w ON w.id = d.worker_id
        WHERE d.state = 'leased' AND (w.id IS NULL OR w.ended_at IS NOT NULL)""",
    # 訂正 and 取消 go to the recipients of the original and to nobody else (R4); old originals are folded.
    "correction-to-others": """SELECT COUNT(*) FROM delivery d JOIN bulletin b ON b.id = d.bulletin_id
        WHERE b.refers_as IN ('correction', 'cancel') AND b.refers_to_id IS NOT NULL
        AND EXISTS (SELECT 1 FROM delivery x WHERE x.bulletin_id = b.refers_to_id)
        AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.bulletin_id = b.refers_to_id
        AND o.subscriber_id = d.subscriber_id)""",
    "address-after-removal": "SELECT COUNT(*) FROM subscriber WHERE state = 'removed' AND address IS NOT NULL",
    "arrival-without-raw": """SELECT COUNT(*) FROM arrival a WHERE a.state = 'received'
        AND NOT EXISTS (SELECT 1 FROM arrival_raw r WHERE r.id = a.raw_id)""",
    "telegram-without-raw": """SELECT COUNT(*) FROM telegram t WHERE t.state = 'received'
        AND NOT EXISTS (SELECT 1 FROM telegram_raw r WHERE r.id = t.raw_id)""",
    "drill-to-residents": """SELECT COUNT(*) FROM delivery d JOIN bulletin b ON b.id = d.bulletin_id
        JOIN subscriber s ON s.id = d.subscriber_id WHERE b.realm <> 'live' AND s.address IS NOT NULL
        AND s.address NOT IN (SELECT address FROM person)""",
}


def check() -> list[Finding]:
    """Everything that is wrong with this ledger; an empty list is the proof."""
    found = [Finding(code, int(sql(question).fetchone()[0])) for code, question in _QUESTIONS.items()]
    broken = events.broken()
    if broken is not None:
        found.append(Finding("chain-broken", 1))
    found += [Finding(code, wrong) for code, count in _COUNTED.items() if (wrong := count())]
    return [finding for finding in found if finding.count]


def _miscounted() -> int:
    """Counters behind 約N人 that differ from the choices they count."""
    return int(
        sql("""SELECT COUNT(*) FROM (
            SELECT category_id, area_id, level, queue_id, SUM(n) AS n FROM (
                SELECT category_id, area_id, level, queue_id, n FROM choice_count
                UNION ALL
                SELECT c.category_id, c.area_id, c.level, s.queue_id, -1 FROM choice c
                JOIN subscriber s ON s.id = c.subscriber_id WHERE s.state = 'confirmed'
            ) AS each_one GROUP BY category_id, area_id, level, queue_id HAVING SUM(n) <> 0) AS wrong""").fetchone()[
            0
        ]
    )


def _altered() -> int:
    """Bulletins on their way or gone out whose stored text is not what the approval was bound to (X1)."""
    released = Bulletin.select().where(Bulletin.approved_version_id.is_null(False))
    return sum(bulletins.digest_of(row.approved_version_id or 0) != row.approved_digest for row in released)


_COUNTED: dict[str, Callable[[], int]] = {"counters-wrong": _miscounted, "approved-text-altered": _altered}
