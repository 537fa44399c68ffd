"""The tables, as peewee sees them; private to the store. The schema itself is in the migrations."""

from collections.abc import Iterable
from typing import Any

from peewee import AutoField, BigIntegerField, BlobField, CompositeKey, DatabaseProxy, Model, TextField

from store.fields import BooleanNumber, JsonField, UtcField

database = DatabaseProxy()


class Row(Model):
    """Foreign keys are plain integers here: the database holds them, and verbs say their joins aloud."""

    class Meta:
        database = database
        legacy_table_names = False


class Ledger(Row):
    id = BigIntegerField(primary_key=True)
    town = TextField()
    realm = TextField()
    born_at = UtcField()
    clock_offset = BigIntegerField()
    chain_length = BigIntegerField()
    chain_head = TextField()
    sender_until = UtcField()


class Counter(Row):
    name = TextField(primary_key=True)
    value = BigIntegerField()


class Area(Row):
    id = AutoField()
    key = TextField()
    name = TextField()
    kana = TextField()
    tree = TextField()
    kind = TextField()
    sort = BigIntegerField()
    active = BooleanNumber()
    shape = TextField(null=True)


class AreaParent(Row):
    area_id = BigIntegerField()
    parent_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("area_id", "parent_id")
        table_name = "area_parent"


class AreaClosure(Row):
    ancestor_id = BigIntegerField()
    descendant_id = BigIntegerField()
    depth = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("ancestor_id", "descendant_id")
        table_name = "area_closure"


class AreaAlias(Row):
    system = TextField()
    code = TextField()
    area_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("system", "code", "area_id")
        table_name = "area_alias"


class ScaleLevel(Row):
    scale = TextField()
    rank = BigIntegerField()
    code = TextField()
    name = TextField()

    class Meta:
        primary_key = CompositeKey("scale", "rank")
        table_name = "scale_level"


class Unit(Row):
    id = AutoField()
    key = TextField()
    name = TextField()
    phone = TextField()
    mail = TextField(null=True)
    active = BooleanNumber()


class Category(Row):
    id = AutoField()
    key = TextField()
    name = TextField()
    parent_id = BigIntegerField(null=True)
    scale = TextField()
    urgency = TextField()
    unit_id = BigIntegerField(null=True)
    defaults = JsonField()
    range = JsonField()
    phenomenon = TextField(null=True)
    sort = BigIntegerField()
    active = BooleanNumber()


class CategoryClosure(Row):
    ancestor_id = BigIntegerField()
    descendant_id = BigIntegerField()
    depth = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("ancestor_id", "descendant_id")
        table_name = "category_closure"


class Person(Row):
    id = AutoField()
    key = TextField()
    name = TextField()
    address = TextField()
    unit_id = BigIntegerField()
    slack = TextField(null=True)
    proof = TextField()
    domains = JsonField()
    pin_hash = TextField(null=True)
    pin_failures = BigIntegerField()
    active = BooleanNumber()


class PersonRight(Row):
    id = AutoField()
    person_id = BigIntegerField()
    action = TextField()
    category_id = BigIntegerField(null=True)
    starts_at = UtcField(null=True)
    ends_at = UtcField(null=True)
    deputy_order = BigIntegerField()

    class Meta:
        table_name = "person_right"


class Rule(Row):
    id = AutoField()
    key = TextField()
    category_id = BigIntegerField()
    origin = TextField()
    decision = TextField()
    stages = JsonField()
    office_hours = BooleanNumber()
    ceiling_per_hour = BigIntegerField(null=True)
    not_after_minutes = BigIntegerField(null=True)
    acknowledged_by = BigIntegerField(null=True)
    acknowledged_at = UtcField(null=True)
    active = BooleanNumber()


class Proposal(Row):
    id = AutoField()
    kind = TextField()
    document = TextField()
    digest = TextField()
    proposed_by = BigIntegerField(null=True)
    proposed_at = UtcField()
    decided_by = BigIntegerField(null=True)
    decided_at = UtcField(null=True)


class Template(Row):
    id = AutoField()
    key = TextField()
    category_id = BigIntegerField()
    name = TextField()
    subject = TextField()
    body = TextField()
    fields = JsonField()
    standing = BooleanNumber()
    approved_by = BigIntegerField(null=True)
    second_by = BigIntegerField(null=True)
    approved_at = UtcField(null=True)
    active = BooleanNumber()


class Queue(Row):
    id = AutoField()
    key = TextField()
    paused_until = UtcField(null=True)
    paused_why = TextField(null=True)


class Subscriber(Row):
    id = AutoField()
    address = TextField(null=True)
    queue_id = BigIntegerField()
    state = TextField()
    reason = TextField(null=True)
    language = TextField()
    format = TextField()
    created_at = UtcField()
    confirmed_at = UtcField(null=True)
    changed_at = UtcField(null=True)
    resume_at = UtcField(null=True)


class Choice(Row):
    subscriber_id = BigIntegerField()
    category_id = BigIntegerField()
    area_id = BigIntegerField()
    level = BigIntegerField()
    option = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("subscriber_id", "category_id", "area_id")


class ChoiceCount(Row):
    category_id = BigIntegerField()
    area_id = BigIntegerField()
    level = BigIntegerField()
    queue_id = BigIntegerField()
    n = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("category_id", "area_id", "level", "queue_id")
        table_name = "choice_count"


class Token(Row):
    id = AutoField()
    purpose = TextField()
    digest = TextField()
    subject_id = BigIntegerField()
    detail = JsonField(null=True)
    created_at = UtcField()
    expires_at = UtcField()
    used_at = UtcField(null=True)


class Bulletin(Row):
    id = AutoField()
    number = TextField()
    realm = TextField()
    origin = TextField()
    category_id = BigIntegerField()
    level = BigIntegerField()
    urgency = TextField()
    state = TextField()
    version_id = BigIntegerField(null=True)
    rule_id = BigIntegerField(null=True)
    decision = TextField()
    submitter_id = BigIntegerField(null=True)
    unit_id = BigIntegerField(null=True)
    event_key = TextField(null=True)
    refers_to_id = BigIntegerField(null=True)
    refers_as = TextField(null=True)
    approved_version_id = BigIntegerField(null=True)
    approved_digest = TextField(null=True)
    due = UtcField(null=True)
    held_why = TextField(null=True)
    stop_at = UtcField(null=True)
    mail_only = BooleanNumber()
    created_at = UtcField()
    submitted_at = UtcField(null=True)
    released_at = UtcField(null=True)
    expand_cursor = BigIntegerField()
    expanded_at = UtcField(null=True)
    finished_at = UtcField(null=True)
    archive_until = UtcField(null=True)
    archive_withdrawn_at = UtcField(null=True)


class Version(Row):
    id = AutoField()
    bulletin_id = BigIntegerField()
    n = BigIntegerField()
    author_id = BigIntegerField(null=True)
    reason = TextField()
    subject = TextField()
    body = TextField()
    detail = TextField()
    translations = JsonField()
    release_at = UtcField(null=True)
    not_after = UtcField(null=True)
    channels = JsonField()
    audience = JsonField()
    rendering = TextField()
    digest = TextField()
    created_at = UtcField()


class Section(Row):
    version_id = BigIntegerField()
    n = BigIntegerField()
    heading = TextField()
    body = TextField()

    class Meta:
        primary_key = CompositeKey("version_id", "n")


class VersionArea(Row):
    version_id = BigIntegerField()
    section = BigIntegerField()
    area_id = BigIntegerField()
    level = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("version_id", "section", "area_id")
        table_name = "version_area"


class Decision(Row):
    id = AutoField()
    bulletin_id = BigIntegerField()
    version_id = BigIntegerField()
    digest = TextField()
    person_id = BigIntegerField(null=True)
    rule_id = BigIntegerField(null=True)
    action = TextField()
    door = TextField()
    note = TextField()
    deputy = BooleanNumber()
    stage = BigIntegerField()
    at = UtcField()


class Card(Row):
    id = AutoField()
    bulletin_id = BigIntegerField()
    door = TextField()
    place = TextField(null=True)
    ts = TextField(null=True)
    shown = TextField(null=True)
    wanted_at = UtcField()
    posted_at = UtcField(null=True)
    letters_at = UtcField(null=True)
    attempts = BigIntegerField()
    due = UtcField()


class Target(Row):
    version_id = BigIntegerField()
    section = BigIntegerField()
    category_id = BigIntegerField()
    area_id = BigIntegerField()
    level = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("version_id", "section", "category_id", "area_id")


class Delivery(Row):
    id = AutoField()
    bulletin_id = BigIntegerField()
    subscriber_id = BigIntegerField()
    sections = BigIntegerField()
    category_id = BigIntegerField()
    area_id = BigIntegerField()
    queue_id = BigIntegerField()
    lane = BigIntegerField()
    retry = BigIntegerField()
    state = TextField()
    attempts = BigIntegerField()
    due = UtcField(null=True)
    worker_id = BigIntegerField(null=True)
    code = BigIntegerField(null=True)
    reply = TextField(null=True)
    sent_at = UtcField(null=True)


class DeliveryFold(Row):
    bulletin_id = BigIntegerField()
    queue_id = BigIntegerField()
    area_id = BigIntegerField()
    state = TextField()
    n = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("bulletin_id", "queue_id", "area_id", "state")
        table_name = "delivery_fold"


class Letter(Row):
    id = AutoField()
    purpose = TextField()
    subscriber_id = BigIntegerField(null=True)
    person_id = BigIntegerField(null=True)
    address = TextField(null=True)
    params = JsonField(null=True)
    attachment_name = TextField(null=True)
    attachment = TextField(null=True)
    queue_id = BigIntegerField()
    lane = BigIntegerField()
    retry = BigIntegerField()
    state = TextField()
    attempts = BigIntegerField()
    due = UtcField(null=True)
    worker_id = BigIntegerField(null=True)
    code = BigIntegerField(null=True)
    reply = TextField(null=True)
    created_at = UtcField()
    sent_at = UtcField(null=True)
    in_reply_to = TextField(null=True)
    once = TextField(null=True)


class Worker(Row):
    id = AutoField()
    program = TextField()
    host = TextField()
    pid = BigIntegerField()
    started_at = UtcField()
    heartbeat_at = UtcField()
    ended_at = UtcField(null=True)


class Slot(Row):
    route = TextField()
    n = BigIntegerField()
    worker_id = BigIntegerField()
    until = UtcField()

    class Meta:
        primary_key = CompositeKey("route", "n")


class ArrivalRaw(Row):
    id = AutoField()
    body = BlobField()

    class Meta:
        table_name = "arrival_raw"


class Arrival(Row):
    id = AutoField()
    received_at = UtcField()
    peer = TextField()
    helo = TextField()
    mail_from = TextField()
    rcpt_to = TextField()
    meaning = TextField()
    token = TextField(null=True)
    size = BigIntegerField()
    digest = TextField()
    state = TextField()
    why = TextField(null=True)
    result = TextField(null=True)
    attempts = BigIntegerField()
    raw_id = BigIntegerField(null=True)


class SeenMail(Row):
    digest = TextField(primary_key=True)
    arrival_id = BigIntegerField()
    at = UtcField()

    class Meta:
        table_name = "seen_mail"


class Feed(Row):
    name = TextField(primary_key=True)
    etag = TextField(null=True)
    last_modified = TextField(null=True)
    checked_at = UtcField(null=True)
    ok_at = UtcField(null=True)
    failure = TextField(null=True)
    baseline_at = UtcField(null=True)


class TelegramRaw(Row):
    id = AutoField()
    body = BlobField()

    class Meta:
        table_name = "telegram_raw"


class Telegram(Row):
    id = AutoField()
    url = TextField()
    feed = TextField()
    fetched_at = UtcField()
    type = TextField(null=True)
    status = TextField(null=True)
    info_type = TextField(null=True)
    office = TextField(null=True)
    event_id = TextField(null=True)
    serial = TextField(null=True)
    reported_at = UtcField(null=True)
    state = TextField()
    why = TextField(null=True)
    raw_id = BigIntegerField(null=True)


class Told(Row):
    code = TextField()
    phenomenon = TextField()
    level = BigIntegerField()
    event_key = TextField()
    telegram_id = BigIntegerField()
    bulletin_id = BigIntegerField(null=True)
    at = UtcField()

    class Meta:
        primary_key = CompositeKey("code", "phenomenon")


class Bounce(Row):
    id = AutoField()
    delivery_id = BigIntegerField(null=True)
    letter_id = BigIntegerField(null=True)
    subscriber_id = BigIntegerField(null=True)
    arrival_id = BigIntegerField(null=True)
    queue_id = BigIntegerField(null=True)
    kind = TextField()
    reason = TextField()
    status = TextField(null=True)
    code = BigIntegerField(null=True)
    source = TextField()
    at = UtcField()
    day = TextField()
    suspended = BooleanNumber()


class Post(Row):
    id = AutoField()
    bulletin_id = BigIntegerField()
    channel = TextField()
    attempts = BigIntegerField()
    due = UtcField(null=True)
    ref = TextField(null=True)
    error = TextField(null=True)
    done_at = UtcField(null=True)


class Probe(Row):
    id = AutoField()
    route = TextField()
    mailbox = TextField()
    sent_at = UtcField()
    seen_at = UtcField(null=True)


class Event(Row):
    id = AutoField()
    at = UtcField()
    actor = TextField()
    what = TextField()
    subject = TextField()
    detail = JsonField()
    prev = TextField()
    hash = TextField()


class JobRun(Row):
    job = TextField()
    due = UtcField()
    holder = TextField()
    lease_until = UtcField()
    done_at = UtcField(null=True)

    class Meta:
        primary_key = CompositeKey("job", "due")
        table_name = "job_run"


def tuples(query: Any) -> "Iterable[tuple[Any, ...]]":
    """The rows of a select as plain tuples (peewee's stubs promise model instances)."""
    rows: Iterable[tuple[Any, ...]] = query.tuples()
    return rows


def sql(text: str, *values: object) -> Any:
    """Run a statement written with `?` marks on whichever database this is; returns its cursor."""
    return database.execute_sql(text.replace("?", database.param), values)
