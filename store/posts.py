"""A bulletin on another channel than mail: the archive site now, others later; each done once, retried until it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.models import Bulletin, Post
from store.states import BulletinState


@dataclass(frozen=True)
class Due:
    """A post to make."""

    id: int
    bulletin: int
    attempts: int


def due(channel: str, *, now: datetime) -> list[Due]:
    """Posts of a channel that wait to be made."""
    rows = (
        Post.select()
        .where((Post.channel == channel) & Post.done_at.is_null() & (Post.due <= now))
        .order_by(Post.id)
    )
    return [Due(r.id, r.bulletin_id, r.attempts) for r in rows]


def done(post: int, *, ref: str, now: datetime) -> None:
    """It is out; `ref` says where."""
    Post.update(done_at=now, ref=ref, error=None).where(Post.id == post).execute()


def failed(post: int, error: str, *, now: datetime) -> None:
    """It did not work: later again, more and more slowly."""
    row = Post.get_by_id(post)
    wait = timedelta(seconds=min(300, 2 ** min(row.attempts, 8)))
    Post.update(attempts=row.attempts + 1, due=now + wait, error=error[:200]).where(Post.id == post).execute()


def archived(*, now: datetime) -> list[tuple[int, str]]:
    """(bulletin, state) of what belongs on the archive site now, newest first (C9.1).

    Released, not expired, not withdrawn, and never one that goes by mail only. Its text cannot change any more.
    """
    rows = (
        Bulletin.select(Bulletin.id, Bulletin.state)
        .join(Post, on=((Post.bulletin_id == Bulletin.id) & (Post.channel == "archive")))
        .where(
            Bulletin.state.in_(
                [str(BulletinState.SENDING), str(BulletinState.SENT), str(BulletinState.STOPPED)]
            )
            & (Bulletin.archive_until.is_null() | (Bulletin.archive_until > now))
            & Bulletin.archive_withdrawn_at.is_null()
            & (Bulletin.mail_only == False)  # noqa: E712
        )
        .order_by(Bulletin.released_at.desc(), Bulletin.id.desc())
    )
    return [(row.id, row.state) for row in rows]
