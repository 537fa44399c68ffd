"""Letters: single mails that are not bulletins; their purpose is from a closed list (R16), their text is not ours."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from peewee import IntegrityError

from store import queues
from store.models import Letter, database
from store.queues import Lane
from store.states import DeliveryState


class Purpose(StrEnum):
    """Everything Hansho may write to one person. The texts are config's letters, one file a purpose."""

    JOIN_CONFIRM = "join_confirm"
    JOIN_AGAIN = "join_again"
    WELCOME = "welcome"
    SETTINGS_LINK = "settings_link"
    GOODBYE = "goodbye"
    TOKEN_ANSWER = "token_answer"  # noqa: S105 - a purpose, not a secret
    DRAFT_RECEIVED = "draft_received"
    DRAFT_REFUSED = "draft_refused"
    APPROVAL_REQUEST = "approval_request"
    DECISION_NOTICE = "decision_notice"
    BOUNCE_REPORT = "bounce_report"
    OPERATORS_HELP = "operators_help"
    OPERATOR_ALERT = "operator_alert"
    NOT_UNDERSTOOD = "not_understood"


# Somebody is waiting at the other end for these, or had better know at once.
_SIGN_IN = {
    Purpose.JOIN_CONFIRM,
    Purpose.JOIN_AGAIN,
    Purpose.WELCOME,
    Purpose.SETTINGS_LINK,
    Purpose.GOODBYE,
    Purpose.TOKEN_ANSWER,
    Purpose.APPROVAL_REQUEST,
    Purpose.OPERATOR_ALERT,
}


def write(
    purpose: Purpose,
    address: str,
    params: Mapping[str, object],
    *,
    now: datetime,
    queue: int | None = None,
    subscriber: int | None = None,
    person: int | None = None,
    attachment: tuple[str, str] | None = None,
    in_reply_to: str | None = None,
    once: str | None = None,
) -> int | None:
    """Queue a letter in the caller's transaction. `once` names it: a second of that name is not written (None).

    `attachment` is (file name, text); `queue` None means the default destination. Raises ValueError for a purpose
    that is not in the list, so that nothing else can be said to a resident (R16).
    """
    purpose = Purpose(purpose)
    lane = Lane.SIGN_IN if purpose in _SIGN_IN else Lane.IMMEDIATE
    name, text = attachment if attachment is not None else (None, None)
    try:
        with database.atomic():
            row = Letter.create(
                purpose=str(purpose),
                subscriber_id=subscriber,
                person_id=person,
                address=address,
                params=dict(params),
                attachment_name=name,
                attachment=text,
                queue_id=queue if queue is not None else queues.default(),
                lane=int(lane),
                retry=0,
                state=str(DeliveryState.QUEUED),
                attempts=0,
                created_at=now,
                in_reply_to=in_reply_to,
                once=once,
            )
    except IntegrityError:
        if once is None:
            raise
        return None
    return row.id


def written(purpose: Purpose, address: str, *, since: datetime) -> int:
    """How many letters of this purpose went to this address since then (R: at most a few a day)."""
    return (
        Letter.select()
        .where((Letter.purpose == str(purpose)) & (Letter.address == address) & (Letter.created_at >= since))
        .count()
    )
