"""Decides whether a mail is believed to be its author's: structure, signature, cover, time, alignment."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from inbound import headers, mailbox, signatures, smime, structure
from inbound.keyrecord import KeyUnavailable
from inbound.signatures import Result, Signature

Keys = Mapping[str, str] | Callable[[str], str | None]


@dataclass(frozen=True)
class Proof:
    """The verdict. `dkim` pairs each signature with whether it is aligned with the author.

    `why` holds codes (inbound/texts/proof_why.tsv, `explain.explain`); empty when believed. `covered` are the
    fields of the believed signature: nothing else in the header may be relied upon.
    """

    author: str | None
    dkim: tuple[tuple[Signature, bool], ...]
    smime: smime.Smime | None
    believed: bool
    why: tuple[str, ...]
    covered: tuple[str, ...]
    message_id: str | None


def _lookup(keys: Keys | None) -> signatures.KeyLookup:
    if keys is None:

        def unavailable(_name: str) -> str | None:
            raise KeyUnavailable("no keys given")

        return unavailable
    if isinstance(keys, Mapping):
        known = {name.lower().rstrip("."): record for name, record in keys.items()}
        return lambda name: known.get(name.lower())
    return keys


def _frame(sheet: headers.Sheet, author: str | None, to: str | None, now: datetime) -> list[str]:
    """What speaks against the mail whatever its signatures say."""
    wrong = structure.fields(sheet)
    if author is None and len(sheet.all("from")) == 1:
        wrong.append("author-unclear")
    wrong += structure.date(sheet, now)
    if to is not None:
        wanted = (mailbox.canonical(to) or to).lower()
        named = [address.lower() for address in mailbox.recipients(sheet.all("to"))]
        if wanted not in named:
            wrong.append("not-addressed")
    return wrong


def _objections(signature: Signature, aligned: bool, sheet: headers.Sheet, now: datetime) -> list[str]:
    """Why this one signature does not carry the mail."""
    wrong = list(signature.why)
    if not aligned:
        wrong.append("other-domain")
    if signature.result is not Result.PASS:
        return wrong
    return wrong + structure.cover(signature, sheet) + structure.signing_time(signature, now)


def _best(judged: list[tuple[Signature, list[str]]]) -> tuple[Signature | None, list[str]]:
    """The signature with the fewest objections, the aligned ones first: it is what the officer can mend."""
    if not judged:
        return None, ["no-signature"]
    return min(judged, key=lambda pair: ("other-domain" in pair[1], len(pair[1])))


def read(
    data: bytes,
    *,
    keys: Keys | None,
    trust: bytes | None = None,
    to: str | None = None,
    now: datetime,
    domains: Collection[str] = (),
) -> Proof:
    """Judge a raw mail, CRLF or LF.

    `keys`: {"selector._domainkey.domain": TXT record}, or a function that looks one up (None = there is none;
    it may raise KeyUnavailable); None = nothing can be looked up, every signature is a temperror. `trust`:
    PEM for S/MIME, see inbound/smime.py (ValueError if it is none). `to`: the address the signed To must name.
    `domains`: other signing domains people.yaml lists for the author. `now` is aware. No mail makes it raise.
    Known person, replay, role and destination are the store's questions.
    """
    canonical, wrong = structure.line_ends(data)
    sheet = headers.cut(canonical)
    found = mailbox.author(sheet.all("from"))
    author = found.address if found else None
    own = {author.rpartition("@")[2]} if author else set()
    accepted = own | {domain.lower() for domain in domains} if own else own
    wrong += _frame(sheet, author, to, now)
    dkim = tuple((each, each.domain in accepted) for each in signatures.verify(sheet, _lookup(keys)))
    best, objections = _best([(each, _objections(each, aligned, sheet, now)) for each, aligned in dkim])
    why = tuple(dict.fromkeys(wrong + objections))
    return Proof(
        author=author,
        dkim=dkim,
        smime=smime.verify(sheet, author=author, trust=trust, now=now),
        believed=not why,
        why=why,
        covered=best.covered if best is not None and not why else (),
        message_id=headers.text(sheet.first("message-id")) or None,
    )


def as_json(proof: Proof, file: str) -> dict[str, object]:
    """The object of `hansho read proof --json`, its keys in the order of the contract."""
    return {
        "file": file,
        "from": proof.author,
        "dkim": [
            {
                "result": str(signature.result),
                "domain": signature.domain,
                "selector": signature.selector,
                "algorithm": signature.algorithm,
                "aligned": aligned,
                "covered": list(signature.covered),
            }
            for signature, aligned in proof.dkim
        ],
        "smime": None
        if proof.smime is None
        else {"result": str(proof.smime.result), "signer": proof.smime.signer, "why": list(proof.smime.why)},
        "believed": proof.believed,
        "why": list(proof.why),
    }
