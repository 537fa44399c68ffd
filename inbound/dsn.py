"""Read the fields of a delivery status notification (RFC 3464), also where a mailer put them into plain text."""

import re
from dataclasses import dataclass, field

from inbound.bounce_rules import ADDRESS

FIELDS = frozenset(
    [
        "original-envelope-id",
        "reporting-mta",
        "dsn-gateway",
        "received-from-mta",
        "arrival-date",
        "final-recipient",
        "action",
        "original-recipient",
        "status",
        "remote-mta",
        "diagnostic-code",
        "last-attempt-date",
        "final-log-id",
        "will-retry-until",
        "x-actual-recipient",
        "x-display-name",
        "x-supplementary-info",
    ]
)
RECIPIENTS = ("final-recipient", "original-recipient")
MOST_RECORDS = 100
MOST_FIELD = 4_000


@dataclass
class Record:
    """The fields of one recipient, names in small letters; what the report says of all is filled in."""

    fields: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def recipient(self) -> str | None:
        """Final-Recipient, or else Original-Recipient; a final one without a real domain gives way."""
        final, original = (address_in(self.get(name)) for name in RECIPIENTS)
        if final and original and "." not in final.partition("@")[2]:
            return original
        return final or original or address_in(self.get("x-actual-recipient"))

    @property
    def status(self) -> str | None:
        """The x.y.z of the Status field, or None."""
        found = re.match(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)", self.get("status"))
        return found.group(1) if found else None

    @property
    def action(self) -> str:
        """The action in small letters, without a comment."""
        words = self.get("action").lower().split()
        return words[0].strip(";,.") if words else ""

    @property
    def diagnostic(self) -> str:
        """The Diagnostic-Code without its type, or else the comment that some mailers put behind the Status."""
        given = self.get("diagnostic-code")
        kind, semicolon, rest = given.partition(";")
        words = rest.strip() if semicolon and re.fullmatch(r"[\w-]{1,40}", kind.strip()) else given
        return words or self.get("status").partition("(")[2].rstrip(") ")

    @property
    def host(self) -> str:
        """The name of the server that answered, as far as the report says."""
        given = self.get("remote-mta") or self.get("reporting-mta")
        names = re.findall(r"[\w-]+(?:\.[\w-]+)+", given.rpartition(";")[2] or given)
        return names[0] if names else ""


def records(text: str, *, strict: bool = True) -> list[Record]:
    """The recipients' groups of a report; ``strict`` takes every field, otherwise only DSN's own names.

    With ``strict`` off the text may be anything (a mail that quotes a report): lines that are no DSN fields
    end a group, and a group counts only with a recipient and an action, a status or a diagnostic.
    """
    shared: dict[str, str] = {}
    found: list[Record] = []
    for group in _groups(text, strict):
        if any(name in group for name in RECIPIENTS):
            found.append(Record(group))
        elif found and "status" in group and not found[-1].get("status"):
            found[-1].fields.update(group)
        else:
            shared.update(group)
        if len(found) >= MOST_RECORDS:
            break
    for record in found:
        record.fields = {**shared, **record.fields}
    if strict:
        return found
    return [r for r in found if r.recipient and (r.action or r.status or r.get("diagnostic-code"))]


def address_in(value: str) -> str | None:
    """The mail address in a field or a piece of text, unquoted, its domain in small letters; else None."""
    found = re.search(ADDRESS, value[:1000].replace("\\", ""))
    return canonical(found.group(0)) if found else None


def canonical(address: str) -> str | None:
    """An address as the project keeps it: local part unquoted, domain in small letters without a dot at the end."""
    local, _, domain = address.rpartition("@")
    local = re.sub(r"^(mailto:|rfc822;)", "", local, flags=re.I).lstrip("'*=").strip('"')
    domain = domain.rstrip(".-'").lower()
    return f"{local}@{domain}" if local and domain else None


def _groups(text: str, strict: bool) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in text.split("\n"):
        bare = line if strict else re.sub(r"^(?:>\s?)+", "", line)
        if name and bare[:1] in (" ", "\t") and bare.strip():
            groups[-1][name] = f"{groups[-1][name][:MOST_FIELD]} {bare.strip()}"
            continue
        match = re.match(r"\s{0,4}([A-Za-z][A-Za-z-]{3,40})\s*:\s*(.*)", bare)
        name = match.group(1).lower() if match else ""
        if match and (strict or name in FIELDS):
            if name in groups[-1] and name in RECIPIENTS:
                groups.append({})
            groups[-1].setdefault(name, match.group(2).strip())
        else:
            name = ""
            if groups[-1]:
                groups.append({})
    return groups
