"""Read a bounce that carries no machine part: whom its sentences name, and the words about each of them."""

import re
from dataclasses import dataclass
from itertools import islice, zip_longest

from config.reasons import Reason
from inbound.bounce_rules import ADDRESS, Mark, ends, introductions, sentences, stages
from inbound.dsn import canonical

MOST_TEXT = 60_000
MOST_CLAIMS = 200
MOST_WORDS = 4_000
MOST_LINE = 1_000
ENTRY = re.compile(
    rf"^[ \t>*•・\-–|'\"<]*(?!\d{{3}}[ -])(?:<?mailto:)?(?P<rcpt>{ADDRESS})[>\"'|]*"
    rf"(?:<mailto:[^>\s]*>)?\s*(?:$|[:;,(\[]|\.\.\.|\s-|\s\S)",
    re.M,
)
ALONE = re.compile(rf"^[ \t>*]*<?(?P<rcpt>{ADDRESS})>?[ \t]*:?[ \t]*$", re.M)
SERVICE = re.compile(r"(mailer-?daemon|postmaster|abuse|help|support)\w*@", re.I)


@dataclass(frozen=True)
class Claim:
    """One recipient that a bounce names, the words about it, and what the format itself means by naming it."""

    recipient: str
    words: str
    reason: Reason | None


def own_words(text: str) -> str:
    """The bounce's own words, tidied: the text up to where the returned mail begins."""
    return halves(text)[0]


def halves(text: str) -> tuple[str, str]:
    """The bounce's own words and the returned mail that follows in the same text, both tidied.

    Lines are cut at MOST_LINE characters and empty ones folded to one, so that no pattern of the tables can be
    made to run long over hostile text.
    """
    lines: list[str] = []
    for line in text[:MOST_TEXT].split("\n"):
        kept = line.rstrip()[:MOST_LINE]
        if kept or (lines and lines[-1]):
            lines.append(kept)
    tidy = "\n".join(lines)
    for found in ends().finditer(tidy):
        if tidy[: found.start()].strip():
            return tidy[: found.start()], tidy[found.start() :]
    return tidy, ""


def claims(text: str) -> list[Claim]:
    """Everyone a bounce's own words (see own_words) name as a failed recipient, each once, in order."""
    return _joined([*_after_introduction(text), *_in_sentences(text)])[:MOST_CLAIMS]


def loose_claims(text: str) -> list[Claim]:
    """Addresses that stand alone on a line of a bounce: the last resort before the returned mail's To."""
    found = [canonical(hit["rcpt"]) for hit in islice(ALONE.finditer(text), MOST_CLAIMS)]
    return _joined([Claim(who, text, None) for who in found if who and not SERVICE.match(who)])


def words_about(text: str, recipient: str) -> str:
    """The paragraph of a bounce's own words about one recipient, or "": from its line to the next one's."""
    for claim in _joined(_by_line(text, None)):
        if claim.recipient.lower() == recipient.lower():
            return claim.words
    return ""


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
    start = " ".join(re.sub(r"^\d{3}[ -]", "", words.strip(" \t\n()")).split())[:25].lower()
    for line in text.split("\n"):
        sent = re.match(r"[\s>]{0,8}(?:>>>|-->|>>|C:) ?(\w+)", line)
        if sent:
            command = sent.group(1).lower()
        got = re.match(r"[\s>]{0,8}(?:<<<|<--|<<|S:) ?(?:\d{3}[ -])?(.*)", line)
        if got and command and start and start in " ".join(got.group(1).split()).lower():
            stage = {"rcpt": "rcpt", "mail": "mail", "helo": "helo", "ehlo": "helo"}.get(command, "data")
        elif got and stage == "data" and re.search(r"(?i)need rcpt|rcpt first|no valid recip|no recip", line):
            stage = "rcpt"
    return stage


def _joined(found: list[Claim]) -> list[Claim]:
    """One claim a recipient: formats repeat the address inside the reply they quote."""
    kept: dict[str, Claim] = {}
    for claim in found:
        first = kept.get(claim.recipient.lower())
        if first is None:
            kept[claim.recipient.lower()] = claim
        elif len(first.words) < MOST_WORDS and claim.words not in first.words:
            words = f"{first.words}\n{claim.words}"
            kept[claim.recipient.lower()] = Claim(first.recipient, words, first.reason or claim.reason)
    return list(kept.values())


def _by_line(text: str, reason: Reason | None) -> list[Claim]:
    """Every line that begins with an address, with the words up to the next such line."""
    entries = list(ENTRY.finditer(text))[: 2 * MOST_CLAIMS]
    found = []
    for entry, following in zip_longest(entries, entries[1:]):
        address = canonical(entry["rcpt"])
        if address:
            words = text[entry.end("rcpt") : following.start() if following else len(text)]
            found.append(Claim(address, words, reason))
    return found


def _by_line_after(text: str) -> list[Claim]:
    """Lotus Notes writes the reason in front of its recipient: the words from the line before to this one."""
    listed, start = [], 0
    for entry in islice(ENTRY.finditer(text), MOST_CLAIMS):
        address = canonical(entry["rcpt"])
        if address:
            listed.append(Claim(address, text[start : entry.start()], None))
            start = entry.end("rcpt")
    return listed


def _after_introduction(text: str) -> list[Claim]:
    for mark in introductions():
        found = mark.pattern.search(text)
        if found:
            if mark.format == "notes":
                return _by_line_after(text[found.end() :])
            # EZweb writes the list in front of the sentence.
            before, after = text[: found.start()], text[found.end() :]
            listed = _by_line(after, mark.reason) or _by_line(before, mark.reason)
            if listed:
                return listed
    return []


def _in_sentences(text: str) -> list[Claim]:
    found = []
    for mark in sentences():
        for hit in islice(mark.pattern.finditer(text), MOST_CLAIMS):
            address = canonical(hit["rcpt"])
            if address:
                found.append((hit.start(), Claim(address, _paragraph(text, hit, mark), mark.reason)))
    return [claim for _, claim in sorted(found, key=lambda pair: pair[0])]


def _paragraph(text: str, hit: re.Match[str], mark: Mark) -> str:
    """The words of a sentence: its lines, and what follows up to the next one; a transcript's line alone."""
    start = text.rfind("\n", 0, hit.start()) + 1
    if mark.format == "sendmail":
        end = text.find("\n", hit.end())
        return text[start : end if end >= 0 else len(text)]
    following = mark.pattern.search(text, hit.end())
    return text[start : following.start() if following else len(text)]
