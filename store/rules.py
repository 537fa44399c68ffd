"""How a category may be decided: policy as data, in force only when acknowledged (MODEL.md, decisions)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from store import categories, events
from store.models import Rule


class Way(StrEnum):
    """The ways out; there is no other one, and no administrator's bypass (R3)."""

    TWO_PERSON = "two-person"
    ADJUST_AND_CONFIRM = "adjust-and-confirm"
    STANDING = "standing"
    AUTOMATIC = "automatic"


class Origin(StrEnum):
    """Where a bulletin comes from."""

    MAIL = "mail"
    SLACK = "slack"
    WEB = "web"
    FEED = "feed"
    PARTNER = "partner"

    @property
    def policy(self) -> str:
        """The word rules use for it: feed, partner, or staff."""
        return str(self) if self in (Origin.FEED, Origin.PARTNER) else "staff"


@dataclass(frozen=True)
class Policy:
    """The rule that holds for a category and an origin; `rule_id` None when nobody wrote one."""

    rule_id: int | None
    way: Way
    stages: tuple[str, ...]
    office_hours: bool
    ceiling_per_hour: int | None
    not_after_minutes: int | None


_DEFAULT = Policy(None, Way.TWO_PERSON, (), False, None, None)


def apply(
    document: Sequence[Mapping[str, Any]], *, by: str, acknowledged_by: int | None, now: datetime
) -> int:
    """Make the rules say what the document says (brief: rules), acknowledged by that person or by the bootstrap."""
    Rule.update(active=False).execute()
    for entry in document:
        values: dict[str, Any] = {
            "category_id": categories.by_key(entry["category"]).id,
            "origin": entry["origin"],
            "decision": str(Way(entry["decision"])),
            "stages": list(entry.get("stages") or ()),
            "office_hours": bool(entry.get("office_hours")),
            "ceiling_per_hour": entry.get("ceiling_per_hour"),
            "not_after_minutes": entry.get("not_after_minutes"),
            "acknowledged_by": acknowledged_by,
            "acknowledged_at": now,
            "active": True,
        }
        if not Rule.update(**values).where(Rule.key == entry["key"]).execute():
            Rule.create(key=entry["key"], **values)
    events.record(by, "rules-applied", "rules", at=now, rules=len(document))
    return len(document)


def policy(category: int, origin: Origin) -> Policy:
    """The rule of the category, or the nearest above it; an unacknowledged automatic one behaves as two-person."""
    for candidate in categories.above(category):
        row = Rule.get_or_none(
            (Rule.category_id == candidate) & (Rule.origin == origin.policy) & (Rule.active == True)  # noqa: E712
        )
        if row is not None:
            way = Way(row.decision)
            if way is Way.AUTOMATIC and row.acknowledged_at is None:
                way = Way.TWO_PERSON
            return Policy(
                row.id, way, tuple(row.stages), row.office_hours, row.ceiling_per_hour, row.not_after_minutes
            )
    return _DEFAULT


def by_id(rule: int) -> str:
    """The key of a rule, as rules.yaml names it."""
    return str(Rule.get_by_id(rule).key)
