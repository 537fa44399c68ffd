"""Read a bounce that carries no machine part: whom its sentences name, and the words about each of them."""

import re
from itertools import zip_longest
from dataclasses import dataclass

from config.replies import Reason
from inbound.bounce_rules import ADDRESS, Mark, ends, introductions, sentences, stages
from inbound.dsn import canonical

MOST_TEXT = 60_000
MOST_CLAIMS = 200
ENTRY = re.compile(
    rf"^[\s>*•・\-–|'\"<]*(?:<?mailto:)?(?P<rcpt>{ADDRESS})[>\"'|]*"
    rf"(?:<mailto:[^>\s]*>)?\s*(?:$|[:;,(\[]|\.\.\.|\s-|\s\S)",
    re.M,
)


@dataclass(frozen=True)
class Claim:
    """One recipient that a bounce names, the words about it, and what the format itself means by naming it."""

    recipient: str
    words: str
    reason: Reason | None


def own_words(text: str) -> str:
    """The bounce's own words: the text up to where the returned mail begins."""
    cut = text[:MOST_TEXT]
    for found in ends().finditer(cut):
        if cut[: found.start()].strip():
            return cut[: found.start()]
    return cut


def claims(text: str) -> list[Claim]:
    """Everyone a bounce's own words (see own_words) name as a failed recipient, each once, in order."""
    found: dict[str, Claim] = {}
    for claim in (*_after_introduction(text), *_in_sentences(text)):
        found.setdefault(claim.recipient.lower(), claim)
    return list(found.values())[:MOST_CLAIMS]


def words_about(text: str, recipient: str) -> str:
    """The paragraph of a bounce's own words about one recipient, or "": from its line to the next one's."""
    for claim in claims_by_line(text):
        if claim.recipient.lower() == recipient.lower():
            return claim.words
    return ""


def claims_by_line(text: str, reason: Reason | None = None) -> list[Claim]:
    """Every line that begins with an address, with the words up to the next such line."""
    entries = list(ENTRY.finditer(text))
    found = []
    for entry, following in zip_longest(entries, entries[1:]):
        address = canonical(entry["rcpt"])
        if address:
            words = text[entry.end("rcpt") : following.start() if following else len(text)]
            found.append(Claim(address, words, reason))
    return found


def stage_of(text: str) -> str:
    """Which SMTP command the words say was answered: connect, helo, mail, rcpt, data, or ""."""
    folded = " ".join(text[:MOST_TEXT].split())
    for stage, pattern in stages():
        if pattern.search(folded):
            return stage
    return ""


def transcript_stage(text: str, words: str) -> str:
    """The command before the reply ``words`` in a sendmail transcript (">>> RCPT To:", "<<< 550 ..."), or "".

    A pipelining sendmail shows DATA as the last command although the reply is RCPT's: it is known by a second
    answer to the same DATA, 503 or 554 "no valid recipients".
    """
    stage = ""
    command = ""
    start = " ".join(re.sub(r"^\d{3}[ -]", "", words.strip()).split())[:25].lower()
    for line in text.split("\n"):
        sent = re.match(r"[\s>]{0,8}>>> ?(\w+)", line)
        if sent:
            command = sent.group(1).lower()
        got = re.match(r"[\s>]{0,4}<<< ?(?:\d{3}[ -])?(.*)", line)
        if got and command and start and start in " ".join(got.group(1).split()).lower():
            stage = {"rcpt": "rcpt", "mail": "mail", "helo": "helo", "ehlo": "helo"}.get(command, "data")
        elif got and stage == "data" and re.search(r"(?i)need rcpt|rcpt first|no valid recip|no recip", line):
            stage = "rcpt"
    return stage


def _after_introduction(text: str) -> list[Claim]:
    for mark in introductions():
        found = mark.pattern.search(text)
        if found:
            listed = claims_by_line(text[found.end() :], mark.reason)
            if listed:
                return listed
    return []


def _in_sentences(text: str) -> list[Claim]:
    found = []
    for mark in sentences():
        for hit in mark.pattern.finditer(text):
            address = canonical(hit["rcpt"])
            if address:
                found.append((hit.start(), Claim(address, _paragraph(text, hit, mark), mark.reason)))
    return [claim for _, claim in sorted(found, key=lambda pair: pair[0])]


def _paragraph(text: str, hit: re.Match[str], mark: Mark) -> str:
    """The words around a sentence: its line and what follows up to the next recipient of the same format."""
    start = text.rfind("\n", 0, hit.start()) + 1
    following = mark.pattern.search(text, hit.end())
    return text[start : following.start() if following else len(text)]
