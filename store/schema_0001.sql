-- The first schema (MODEL.md). {pk}, {blob} differ between SQLite and PostgreSQL; everything else is the same.
-- Times are integer microseconds UTC. Never edit this file after a release: write the next migration.

CREATE TABLE ledger (id BIGINT PRIMARY KEY, town TEXT NOT NULL, realm TEXT NOT NULL, born_at BIGINT NOT NULL,
    clock_offset BIGINT NOT NULL, chain_length BIGINT NOT NULL, chain_head TEXT NOT NULL, sender_until BIGINT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE area (id {pk}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kana TEXT NOT NULL, tree TEXT NOT NULL,
    kind TEXT NOT NULL, sort BIGINT NOT NULL, active BIGINT NOT NULL, shape TEXT);
CREATE TABLE area_parent (area_id BIGINT NOT NULL REFERENCES area(id), parent_id BIGINT NOT NULL REFERENCES area(id),
    PRIMARY KEY (area_id, parent_id));
CREATE TABLE area_closure (ancestor_id BIGINT NOT NULL REFERENCES area(id),
    descendant_id BIGINT NOT NULL REFERENCES area(id), depth BIGINT NOT NULL, PRIMARY KEY (ancestor_id, descendant_id));
CREATE INDEX area_closure_up ON area_closure (descendant_id, ancestor_id);
CREATE TABLE area_alias (system TEXT NOT NULL, code TEXT NOT NULL, area_id BIGINT NOT NULL REFERENCES area(id),
    PRIMARY KEY (system, code, area_id));

CREATE TABLE scale_level (scale TEXT NOT NULL, rank BIGINT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (scale, rank));
CREATE TABLE unit (id {pk}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, phone TEXT NOT NULL, mail TEXT,
    active BIGINT NOT NULL);
CREATE TABLE category (id {pk}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, parent_id BIGINT REFERENCES category(id),
    scale TEXT NOT NULL, urgency TEXT NOT NULL, unit_id BIGINT REFERENCES unit(id), defaults TEXT NOT NULL,
    range TEXT NOT NULL, phenomenon TEXT, sort BIGINT NOT NULL, active BIGINT NOT NULL);
CREATE TABLE category_closure (ancestor_id BIGINT NOT NULL REFERENCES category(id),
    descendant_id BIGINT NOT NULL REFERENCES category(id), depth BIGINT NOT NULL,
    PRIMARY KEY (ancestor_id, descendant_id));

CREATE TABLE person (id {pk}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, address TEXT NOT NULL,
    unit_id BIGINT NOT NULL REFERENCES unit(id), slack TEXT, proof TEXT NOT NULL, domains TEXT NOT NULL, pin_hash TEXT,
    pin_failures BIGINT NOT NULL, active BIGINT NOT NULL);
CREATE UNIQUE INDEX person_address ON person (address) WHERE active = 1;
CREATE UNIQUE INDEX person_slack ON person (slack) WHERE active = 1 AND slack IS NOT NULL;
CREATE TABLE person_right (id {pk}, person_id BIGINT NOT NULL REFERENCES person(id), action TEXT NOT NULL,
    category_id BIGINT REFERENCES category(id), starts_at BIGINT, ends_at BIGINT, deputy_order BIGINT NOT NULL);
CREATE INDEX person_right_person ON person_right (person_id, action);
CREATE TABLE rule (id {pk}, key TEXT NOT NULL UNIQUE, category_id BIGINT NOT NULL REFERENCES category(id),
    origin TEXT NOT NULL, decision TEXT NOT NULL, stages TEXT NOT NULL, office_hours BIGINT NOT NULL,
    ceiling_per_hour BIGINT, not_after_minutes BIGINT, acknowledged_by BIGINT REFERENCES person(id),
    acknowledged_at BIGINT, active BIGINT NOT NULL);
CREATE INDEX rule_category ON rule (category_id, origin);
CREATE TABLE proposal (id {pk}, kind TEXT NOT NULL, document TEXT NOT NULL, digest TEXT NOT NULL,
    proposed_by BIGINT REFERENCES person(id), proposed_at BIGINT NOT NULL, decided_by BIGINT REFERENCES person(id),
    decided_at BIGINT);
CREATE TABLE template (id {pk}, key TEXT NOT NULL UNIQUE, category_id BIGINT NOT NULL REFERENCES category(id),
    name TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, fields TEXT NOT NULL, standing BIGINT NOT NULL,
    approved_by BIGINT REFERENCES person(id), second_by BIGINT REFERENCES person(id), approved_at BIGINT,
    active BIGINT NOT NULL);

CREATE TABLE queue (id {pk}, key TEXT NOT NULL UNIQUE, paused_until BIGINT, paused_why TEXT);
CREATE TABLE subscriber (id {pk}, address TEXT, queue_id BIGINT NOT NULL REFERENCES queue(id), state TEXT NOT NULL,
    reason TEXT, language TEXT NOT NULL, format TEXT NOT NULL, created_at BIGINT NOT NULL, confirmed_at BIGINT,
    changed_at BIGINT, resume_at BIGINT);
CREATE UNIQUE INDEX subscriber_address ON subscriber (address) WHERE state <> 'removed';
CREATE TABLE choice (subscriber_id BIGINT NOT NULL REFERENCES subscriber(id),
    category_id BIGINT NOT NULL REFERENCES category(id), area_id BIGINT NOT NULL REFERENCES area(id),
    level BIGINT NOT NULL, option TEXT, PRIMARY KEY (subscriber_id, category_id, area_id));
CREATE INDEX choice_match ON choice (category_id, area_id, subscriber_id, level);
CREATE TABLE choice_count (category_id BIGINT NOT NULL, area_id BIGINT NOT NULL, level BIGINT NOT NULL,
    queue_id BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (category_id, area_id, level, queue_id));
CREATE TABLE token (id {pk}, purpose TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, subject_id BIGINT NOT NULL,
    detail TEXT, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT);
CREATE INDEX token_subject ON token (purpose, subject_id);

CREATE TABLE bulletin (id {pk}, number TEXT NOT NULL UNIQUE, realm TEXT NOT NULL, origin TEXT NOT NULL,
    category_id BIGINT NOT NULL REFERENCES category(id), level BIGINT NOT NULL, urgency TEXT NOT NULL,
    state TEXT NOT NULL, version_id BIGINT, rule_id BIGINT REFERENCES rule(id), decision TEXT NOT NULL,
    submitter_id BIGINT REFERENCES person(id), unit_id BIGINT REFERENCES unit(id), event_key TEXT,
    refers_to_id BIGINT REFERENCES bulletin(id), refers_as TEXT, approved_version_id BIGINT, approved_digest TEXT,
    due BIGINT, held_why TEXT, stop_at BIGINT, mail_only BIGINT NOT NULL, created_at BIGINT NOT NULL,
    submitted_at BIGINT, released_at BIGINT, expand_cursor BIGINT NOT NULL, expanded_at BIGINT, finished_at BIGINT,
    archive_until BIGINT, archive_withdrawn_at BIGINT);
CREATE INDEX bulletin_state ON bulletin (state, due);
CREATE INDEX bulletin_event ON bulletin (event_key);
CREATE TABLE version (id {pk}, bulletin_id BIGINT NOT NULL REFERENCES bulletin(id), n BIGINT NOT NULL,
    author_id BIGINT REFERENCES person(id), reason TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
    detail TEXT NOT NULL, translations TEXT NOT NULL, release_at BIGINT, not_after BIGINT, channels TEXT NOT NULL,
    audience TEXT NOT NULL, rendering TEXT NOT NULL, digest TEXT NOT NULL, created_at BIGINT NOT NULL,
    UNIQUE (bulletin_id, n));
CREATE TABLE section (version_id BIGINT NOT NULL REFERENCES version(id), n BIGINT NOT NULL, heading TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (version_id, n));
CREATE TABLE version_area (version_id BIGINT NOT NULL REFERENCES version(id), section BIGINT NOT NULL,
    area_id BIGINT NOT NULL REFERENCES area(id), level BIGINT NOT NULL, PRIMARY KEY (version_id, section, area_id));
CREATE TABLE decision (id {pk}, bulletin_id BIGINT NOT NULL REFERENCES bulletin(id),
    version_id BIGINT NOT NULL REFERENCES version(id), digest TEXT NOT NULL, person_id BIGINT REFERENCES person(id),
    rule_id BIGINT REFERENCES rule(id), action TEXT NOT NULL, door TEXT NOT NULL, note TEXT NOT NULL,
    deputy BIGINT NOT NULL, stage BIGINT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX decision_bulletin ON decision (bulletin_id);
CREATE TABLE card (id {pk}, bulletin_id BIGINT NOT NULL REFERENCES bulletin(id), door TEXT NOT NULL, place TEXT,
    ts TEXT, shown TEXT, wanted_at BIGINT NOT NULL, posted_at BIGINT, letters_at BIGINT, attempts BIGINT NOT NULL,
    due BIGINT NOT NULL, UNIQUE (bulletin_id, door));
CREATE TABLE target (version_id BIGINT NOT NULL REFERENCES version(id), section BIGINT NOT NULL,
    category_id BIGINT NOT NULL, area_id BIGINT NOT NULL, level BIGINT NOT NULL,
    PRIMARY KEY (version_id, section, category_id, area_id));

CREATE TABLE delivery (id {pk}, bulletin_id BIGINT NOT NULL REFERENCES bulletin(id),
    subscriber_id BIGINT NOT NULL REFERENCES subscriber(id), sections BIGINT NOT NULL, category_id BIGINT NOT NULL,
    area_id BIGINT NOT NULL, queue_id BIGINT NOT NULL, lane BIGINT NOT NULL, retry BIGINT NOT NULL, state TEXT NOT NULL,
    attempts BIGINT NOT NULL, due BIGINT, worker_id BIGINT, code BIGINT, reply TEXT, sent_at BIGINT,
    UNIQUE (bulletin_id, subscriber_id));
CREATE INDEX delivery_ready ON delivery (queue_id, lane, retry, id) WHERE state = 'queued';
CREATE INDEX delivery_waiting ON delivery (queue_id, due) WHERE state = 'deferred';
CREATE INDEX delivery_leased ON delivery (worker_id) WHERE state = 'leased';
CREATE INDEX delivery_open ON delivery (bulletin_id) WHERE state IN ('queued', 'leased', 'deferred');
CREATE INDEX delivery_subscriber ON delivery (subscriber_id);
CREATE TABLE delivery_fold (bulletin_id BIGINT NOT NULL, queue_id BIGINT NOT NULL, area_id BIGINT NOT NULL,
    state TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (bulletin_id, queue_id, area_id, state));
CREATE TABLE letter (id {pk}, purpose TEXT NOT NULL, subscriber_id BIGINT REFERENCES subscriber(id),
    person_id BIGINT REFERENCES person(id), address TEXT, params TEXT, attachment_name TEXT, attachment TEXT,
    queue_id BIGINT NOT NULL, lane BIGINT NOT NULL, retry BIGINT NOT NULL, state TEXT NOT NULL, attempts BIGINT NOT NULL,
    due BIGINT, worker_id BIGINT, code BIGINT, reply TEXT, created_at BIGINT NOT NULL, sent_at BIGINT,
    in_reply_to TEXT, once TEXT UNIQUE);
CREATE INDEX letter_ready ON letter (queue_id, lane, retry, id) WHERE state = 'queued';
CREATE INDEX letter_waiting ON letter (queue_id, due) WHERE state = 'deferred';
CREATE INDEX letter_leased ON letter (worker_id) WHERE state = 'leased';
CREATE TABLE worker (id {pk}, program TEXT NOT NULL, host TEXT NOT NULL, pid BIGINT NOT NULL, started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL, ended_at BIGINT);
CREATE TABLE slot (route TEXT NOT NULL, n BIGINT NOT NULL, worker_id BIGINT NOT NULL, until BIGINT NOT NULL,
    PRIMARY KEY (route, n));

CREATE TABLE arrival_raw (id {pk}, body {blob} NOT NULL);
CREATE TABLE arrival (id {pk}, received_at BIGINT NOT NULL, peer TEXT NOT NULL, helo TEXT NOT NULL,
    mail_from TEXT NOT NULL, rcpt_to TEXT NOT NULL, meaning TEXT NOT NULL, token TEXT, size BIGINT NOT NULL,
    digest TEXT NOT NULL, state TEXT NOT NULL, why TEXT, result TEXT, attempts BIGINT NOT NULL,
    raw_id BIGINT REFERENCES arrival_raw(id));
CREATE INDEX arrival_open ON arrival (id) WHERE state = 'received';
CREATE INDEX arrival_state ON arrival (state, received_at);
CREATE TABLE seen_mail (digest TEXT PRIMARY KEY, arrival_id BIGINT NOT NULL, at BIGINT NOT NULL);

CREATE TABLE feed (name TEXT PRIMARY KEY, etag TEXT, last_modified TEXT, checked_at BIGINT, ok_at BIGINT, failure TEXT,
    baseline_at BIGINT);
CREATE TABLE telegram_raw (id {pk}, body {blob} NOT NULL);
CREATE TABLE telegram (id {pk}, url TEXT NOT NULL UNIQUE, feed TEXT NOT NULL, fetched_at BIGINT NOT NULL, type TEXT,
    status TEXT, info_type TEXT, office TEXT, event_id TEXT, serial TEXT, reported_at BIGINT, state TEXT NOT NULL,
    why TEXT, raw_id BIGINT REFERENCES telegram_raw(id));
CREATE INDEX telegram_open ON telegram (id) WHERE state = 'received';
CREATE INDEX telegram_unit ON telegram (type, office, reported_at);
CREATE INDEX telegram_fetched ON telegram (fetched_at);
CREATE TABLE told (code TEXT NOT NULL, phenomenon TEXT NOT NULL, level BIGINT NOT NULL, event_key TEXT NOT NULL,
    telegram_id BIGINT NOT NULL REFERENCES telegram(id), bulletin_id BIGINT REFERENCES bulletin(id), at BIGINT NOT NULL,
    PRIMARY KEY (code, phenomenon));

CREATE TABLE bounce (id {pk}, delivery_id BIGINT, letter_id BIGINT, subscriber_id BIGINT REFERENCES subscriber(id),
    arrival_id BIGINT REFERENCES arrival(id), queue_id BIGINT, kind TEXT NOT NULL, reason TEXT NOT NULL, status TEXT,
    code BIGINT, source TEXT NOT NULL, at BIGINT NOT NULL, day TEXT NOT NULL, suspended BIGINT NOT NULL);
CREATE INDEX bounce_subscriber ON bounce (subscriber_id, kind, day);
CREATE INDEX bounce_at ON bounce (at);
CREATE TABLE post (id {pk}, bulletin_id BIGINT NOT NULL REFERENCES bulletin(id), channel TEXT NOT NULL,
    attempts BIGINT NOT NULL, due BIGINT, ref TEXT, error TEXT, done_at BIGINT, UNIQUE (bulletin_id, channel));
CREATE TABLE probe (id {pk}, route TEXT NOT NULL, mailbox TEXT NOT NULL, sent_at BIGINT NOT NULL, seen_at BIGINT);
CREATE TABLE event (id {pk}, at BIGINT NOT NULL, actor TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX event_subject ON event (subject);
CREATE TABLE job_run (job TEXT NOT NULL, due BIGINT NOT NULL, holder TEXT NOT NULL, lease_until BIGINT NOT NULL,
    done_at BIGINT, PRIMARY KEY (job, due));
