"""Who may be believed: the policy of the proof reader, signature by signature."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dkim
import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import explain, proof
from inbound.headers import cut
from inbound.keyrecord import KeyUnavailable
from inbound.signatures import Result
from tests.samples import samples

SCHEMA = json.loads((Path(__file__).parents[1] / "contracts" / "proof.schema.json").read_text("utf-8"))
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CITY = "city.example.lg.jp"
NAMES = [
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
]
MAIL = b"""From: =?UTF-8?B?5Zyw5Z+f?= <anzen@city.example.lg.jp>
To: souan@mail.city.example.lg.jp
Subject: test
Date: Sat, 21 Nov 2026 09:55:00 +0900
Message-ID: <1@city.example.lg.jp>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

a  b\t
c

""".replace(b"\n", b"\r\n")


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def record(bits: int = 2048, tags: str = "") -> str:
    der = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; {tags}p={base64.b64encode(der).decode()}"


def sign(data: bytes, *, bits: int = 2048, names: list[bytes] = NAMES, domain: str = CITY, at: datetime = NOW,
         canonical: tuple[bytes, bytes] = (b"relaxed", b"relaxed"), algorithm: bytes = b"rsa-sha256",
         extra: Callable[[list[tuple[bytes, bytes]]], None] | None = None, **options: object) -> bytes:  # fmt: skip
    """Sign by dkimpy's own signer, with t= as asked and any tag changed before the hash is made."""
    pem = rsa_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    class Signer(dkim.DKIM):  # type: ignore[misc]
        def gen_header(self, fields, *args, **kwargs):  # type: ignore[no-untyped-def]
            fields = [(k, str(int(at.timestamp())).encode() if k == b"t" else v) for k, v in fields]
            if extra is not None:
                extra(fields)
            return super().gen_header(fields, *args, **kwargs)

    signer = Signer(data, signature_algorithm=algorithm, minkey=512)
    line = signer.sign(b"s1", domain.encode(), pem, include_headers=names, canonicalize=canonical, **options)
    return bytes(line) + data


def judge(data: bytes, keys: proof.Keys | None = None, **more: object) -> proof.Proof:
    known: proof.Keys | None = {f"s1._domainkey.{CITY}": record()} if keys is None else keys
    found = proof.read(data, **{"keys": known, "now": NOW, **more})  # type: ignore[arg-type]
    as_json = proof.as_json(found, "x.eml")
    jsonschema.validate(as_json, SCHEMA)
    assert list(as_json) == SCHEMA["required"]
    for code in (*found.why, *(found.smime.why if found.smime else ())):
        assert explain.explain(code)
    return found


def test_worked_examples_keep_the_contract() -> None:
    for example in SCHEMA["examples"]:
        jsonschema.validate(example, SCHEMA)


@pytest.mark.req("D3", "C6.1", "C6.2")
def test_every_sample_is_judged_as_expected() -> None:
    folder = samples() / "proof"
    keys = json.loads((folder / "keys.json").read_text("utf-8"))
    for line in (folder / "expectations.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        found = judge((folder / row["file"]).read_bytes(), keys)
        assert (found.believed and found.author == row["author"]) is row["believed"], row["file"]
        if "must_not_be_author" in row:
            assert not found.believed


@pytest.mark.req("D3")
@pytest.mark.parametrize(
    "canonical", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"relaxed", b"simple")]
)
def test_an_honest_mail_is_believed(canonical: tuple[bytes, bytes]) -> None:
    data = sign(MAIL, canonical=canonical)
    found = judge(data, to="Souan@Mail.city.example.lg.jp")
    assert found.believed
    assert found.why == ()
    assert set(found.covered) == {name.decode() for name in NAMES}
    assert found.dkim[0][0].result is Result.PASS
    assert judge(data.replace(b"\r\n", b"\n")).believed


def test_ed25519_is_verified_without_pynacl() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    keys = {f"s1._domainkey.{CITY}": f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"}
    machine = dkim.DKIM(MAIL)
    policy = dkim.CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    import hashlib

    body = base64.b64encode(hashlib.sha256(policy.canonicalize_body(machine.body)).digest()).decode()
    names = ":".join(name.decode() for name in NAMES)
    value = f" v=1; a=ed25519-sha256; c=relaxed/relaxed; d={CITY}; s=s1; t={int(NOW.timestamp())}; h={names}; bh={body}; b="
    field = (b"DKIM-Signature", value.encode())
    hasher = dkim.HashThrough(hashlib.sha256())
    dkim.hash_headers(
        hasher, policy, policy.canonicalize_headers(machine.headers), [*NAMES, b"from"], field, {}
    )
    signed = field[0] + b":" + field[1] + base64.b64encode(private.sign(hasher.digest())) + b"\r\n" + MAIL
    assert judge(signed, keys).believed
    broken = judge(signed.replace(b"Subject: test", b"Subject: rest"), keys)
    assert broken.dkim[0][0].result is Result.FAIL


def _remove(tag: bytes) -> Callable[[list[tuple[bytes, bytes]]], None]:
    return lambda fields: fields.remove(next(each for each in fields if each[0] == tag))


def _insert(tag: bytes, value: bytes) -> Callable[[list[tuple[bytes, bytes]]], None]:
    return lambda fields: fields.insert(2, (tag, value))


SIGNED = {
    "body-changed": lambda: sign(MAIL).replace(b"a  b", b"a  d"),
    "signature-broken": lambda: sign(MAIL).replace(b"Subject: test", b"Subject: rest"),
    "repeated-subject": lambda: b"Subject: other\r\n" + sign(MAIL),
    "uncovered-subject": lambda: sign(MAIL, names=[n for n in NAMES if n != b"subject"]),
    "uncovered-to": lambda: sign(MAIL, names=[n for n in NAMES if n != b"to"]),
    "uncovered-content-type": lambda: sign(MAIL, names=[n for n in NAMES if n != b"content-type"]),
    "uncovered-content-transfer-encoding": lambda: (
        b"Content-Transfer-Encoding: base64\r\n"
        + sign(MAIL.replace(b"Content-Transfer-Encoding: 8bit\r\n", b""), names=NAMES[:-1])
    ),
    "length-tag": lambda: sign(MAIL, length=True),
    "other-domain": lambda: sign(MAIL, domain="attack.example"),
    "sender-present": lambda: b"Sender: <x@y.example>\r\n" + sign(MAIL),
    "resent-present": lambda: b"Resent-From: <x@y.example>\r\n" + sign(MAIL),
    "repeated-field": lambda: b"Cc: a@b.example\r\nCc: a@b.example\r\n" + sign(MAIL),
    "signature-too-old": lambda: sign(MAIL, at=NOW - timedelta(minutes=61)),
    "signature-in-future": lambda: sign(MAIL, at=NOW + timedelta(minutes=11)),
    "date-too-old": lambda: sign(MAIL.replace(b"09:55", b"08:59")),
    "date-in-future": lambda: sign(MAIL.replace(b"09:55", b"10:11")),
    "bad-date": lambda: sign(MAIL.replace(b"Sat, 21 Nov 2026 09:55:00 +0900", b"today")),
    "missing-message-id": lambda: sign(MAIL.replace(b"Message-ID: <1@city.example.lg.jp>\r\n", b"")),
    "missing-subject": lambda: sign(MAIL.replace(b"Subject: test\r\n", b"")),
    "no-signing-time": lambda: sign(MAIL, extra=_remove(b"t")),
    "signature-expired": lambda: sign(MAIL, extra=_insert(b"x", str(int(NOW.timestamp()) - 1).encode())),
    "author-unclear": lambda: sign(MAIL.replace(b"<anzen@city", b"<a@b.example>, <anzen@city")),
    "algorithm": lambda: sign(MAIL, algorithm=b"rsa-sha1"),
    "bare-line-end": lambda: sign(MAIL).replace(b"c\r\n\r\n", b"c\n\r\n"),
    "nul-byte": lambda: sign(MAIL.replace(b"a  b", b"a\x00b")),
    "no-signature": lambda: MAIL,
    "malformed-header": lambda: b" From: a@b.example\r\n" + sign(MAIL),
    "signature-malformed": lambda: sign(MAIL).replace(b"v=1;", b"v=1; v=1;"),
}


@pytest.mark.parametrize("code", SIGNED)
def test_each_trick_has_its_code(code: str) -> None:
    keys = {f"s1._domainkey.{domain}": record() for domain in (CITY, "attack.example")}
    found = judge(SIGNED[code](), keys)
    assert not found.believed
    assert code in found.why


@pytest.mark.parametrize(
    ("text", "code", "result"),
    [
        (record(tags="t=y; "), "key-testing", Result.PASS),
        (record(tags="s=tlsrpt; "), "key-service", Result.PERMERROR),
        (record(tags="s=tlsrpt:email; "), None, Result.PASS),
        (record(tags="h=sha1; "), "key-hash", Result.PERMERROR),
        (record(tags="h=sha1:sha256; t=s; "), None, Result.PASS),
        ("v=DKIM1; p=", "key-revoked", Result.PERMERROR),
        ("v=DKIM1; k=rsa; p=AAAA", "key-malformed", Result.PERMERROR),
        ("v=DKIM2; p=AAAA", "key-malformed", Result.PERMERROR),
        ("nonsense", "key-malformed", Result.PERMERROR),
        ("v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(32)).decode(), "key-other-algorithm", Result.PERMERROR),
    ],
)  # fmt: skip
def test_restrictions_of_the_key(text: str, code: str | None, result: Result) -> None:
    found = judge(sign(MAIL), {f"s1._domainkey.{CITY}": text})
    assert found.why == ((code,) if code else ())
    assert found.dkim[0][0].result is result


def test_a_short_key_signs_but_is_not_believed() -> None:
    found = judge(sign(MAIL, bits=1024), {f"s1._domainkey.{CITY}": record(1024)})
    assert (found.dkim[0][0].result, found.why) == (Result.PASS, ("key-weak",))


def test_no_keys_is_temporary_and_an_absent_key_is_not() -> None:
    assert proof.read(sign(MAIL), keys=None, now=NOW).dkim[0][0].result is Result.TEMPERROR
    assert judge(sign(MAIL), {}).why == ("key-missing",)

    def dead(_name: str) -> str | None:
        raise KeyUnavailable("timeout")

    assert judge(sign(MAIL), dead).why == ("key-unavailable",)


def test_a_foreign_signature_beside_the_right_one_does_no_harm() -> None:
    data = sign(sign(MAIL), domain="attack.example")
    found = judge(data)
    assert found.believed
    assert [aligned for _, aligned in found.dkim] == [False, True]


def test_other_signing_domains_come_from_people_yaml_only() -> None:
    keys = {"s1._domainkey.example.lg.jp": record()}
    data = sign(MAIL, domain="example.lg.jp")
    assert judge(data, keys).why == ("other-domain",)
    assert judge(data, keys, domains=["example.lg.jp"]).believed


def test_the_signed_to_must_name_the_address() -> None:
    assert judge(sign(MAIL), to="souan@other.example").why == ("not-addressed",)


def test_a_multipart_mail_without_transfer_encoding_may_be_honest() -> None:
    plain = MAIL.replace(b"Content-Transfer-Encoding: 8bit\r\n", b"")
    assert judge(sign(plain, names=NAMES[:-1])).believed


def test_the_clock_of_the_machine_is_not_asked() -> None:
    then = datetime(2041, 3, 1, tzinfo=UTC)
    data = sign(MAIL.replace(b"21 Nov 2026 09:55", b"01 Mar 2041 09:00"), at=then)
    assert judge(data, now=then).believed


def test_white_space_costs_linear_time() -> None:
    """dkimpy's own reduction of a megabyte of blanks would take hours."""
    body = b"x" + b" " * 1_000_000 + b"y\r\n"
    head = sign(MAIL)[: -len(b"a  b\t\r\nc\r\n\r\n")]
    assert judge(head + body).why == ("body-changed",)
    folded = b"DKIM-Signature: v=1; a=rsa-sha256;" + b"\r\n " * 2500 + b"b=;\r\n"
    assert not judge(folded + MAIL).believed


def test_every_code_has_a_sentence_that_asks_for_something() -> None:
    assert len(explain.sentences()) > 60
    for code, sentence in explain.sentences().items():
        assert sentence.endswith(("ください。", "ください（Bccでは受け付けません）。")), code


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2000), st.binary(max_size=6), st.integers(0, 12))
def test_any_change_of_a_signed_mail_is_noticed_or_harmless(place: int, noise: bytes, cut_out: int) -> None:
    data = _signed_once()
    place %= len(data)
    changed = data[:place] + noise + data[place + cut_out :]
    found = judge(changed)
    if found.believed:
        for name in ("from", "to", "subject", "date", "message-id"):
            assert [_flat(v) for v in cut(changed).all(name)] == [_flat(v) for v in cut(data).all(name)]


def _flat(value: bytes) -> bytes:
    return b" ".join(value.split())


@cache
def _signed_once() -> bytes:
    return sign(MAIL)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=10), st.sampled_from([
    b"DKIM-Signature: ", b"v=1; a=rsa-sha256; ", b"d=city.example.lg.jp; s=s1; ", b"h=from:to; ", b"bh=AAAA; b=AA", b"\r\n",
    b"t=99999999999999; ", b"l=-1; ", b"From: a@city.example.lg.jp\r\n", b"Content-Type: multipart/signed; boundary=b; ",
    b"protocol=\"application/pkcs7-signature\"\r\n", b"\r\n--b\r\n", b"\r\n--b--",
])), max_size=20).map(b"".join))  # fmt: skip
def test_no_bytes_make_the_judge_raise(data: bytes) -> None:
    assert not judge(data).believed
