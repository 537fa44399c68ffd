"""S/MIME: the signed bytes, the signer, his certificate and who issued it."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import explain, parsing, smime
from inbound.headers import cut
from inbound.signatures import Result

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
AUTHOR = "anzen@city.example.lg.jp"
TEXT = (
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n避難指示\r\n".encode()
)
MAIL_USE = ExtendedKeyUsageOID.EMAIL_PROTECTION
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(name: str, issuer: Pair | None = None, *, ca: bool = False, address: str | None = AUTHOR,
                use: x509.ObjectIdentifier | None = MAIL_USE, until: datetime = NOW + timedelta(days=9),
                signs: bool = True) -> Pair:  # fmt: skip
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(private.public_key())
    builder = builder.issuer_name(issuer[0].subject if issuer else subject).serial_number(
        x509.random_serial_number()
    )
    builder = builder.not_valid_before(NOW - timedelta(days=30)).not_valid_after(until)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(_usage(ca, signs), critical=True)
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if address is not None and not ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False
        )
    return builder.sign(issuer[1] if issuer else private, hashes.SHA256()), private


def _usage(ca: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs and not ca, content_commitment=False, key_encipherment=not ca, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip


@cache
def root() -> Pair:
    return certificate("Root", ca=True, use=None)


@cache
def middle() -> Pair:
    """An issuing CA restricted to mail, as the CA/Browser Forum asks."""
    return certificate("Mail CA", root(), ca=True)


@cache
def officer() -> Pair:
    return certificate("Officer", middle())


def trust(*pairs: Pair) -> bytes:
    return b"".join(pair[0].public_bytes(Encoding.PEM) for pair in (pairs or (root(),)))


def detached(content: bytes, signature: bytes) -> bytes:
    """A multipart/signed mail around exactly these bytes."""
    kind = b'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b=_1"'
    encoded = base64.encodebytes(signature).replace(b"\n", b"\r\n")
    holder = b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return (
        b"From: " + AUTHOR.encode() + b"\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: " + kind
        + b"\r\n\r\npreamble\r\n--b=_1\r\n" + content + b"\r\n--b=_1\r\n" + holder + encoded + b"\r\n--b=_1--\r\n"
    )  # fmt: skip


def cms(content: bytes, signer: Pair, *others: Pair, opaque: bool = False, bare: bool = False,
        digest: hashes.SHA256 | hashes.SHA384 | None = None) -> bytes:  # fmt: skip
    builder = (
        PKCS7SignatureBuilder().set_data(content).add_signer(signer[0], signer[1], digest or hashes.SHA256())
    )
    for other in others:
        builder = builder.add_certificate(other[0])
    options = [PKCS7Options.Binary] + ([] if opaque else [PKCS7Options.DetachedSignature])
    options += [PKCS7Options.NoAttributes] if bare else []
    return builder.sign(Encoding.DER, options)


def judge(
    data: bytes, *, pem: bytes | None = b"root", author: str | None = AUTHOR, now: datetime = NOW
) -> smime.Smime | None:
    found = smime.verify(cut(data), author=author, trust=trust() if pem == b"root" else pem, now=now)
    for code in found.why if found else ():
        assert explain.explain(code)
    return found


def why(data: bytes, **more: object) -> tuple[str, ...]:
    found = judge(data, **more)  # type: ignore[arg-type]
    assert found is not None
    assert (found.result is Result.PASS) is (found.why == ())
    assert (found.signed is None) is (found.result is not Result.PASS)
    return found.why


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384()])
def test_a_detached_signature_passes_and_hands_on_only_what_was_signed(digest: hashes.SHA256) -> None:
    data = detached(TEXT, cms(TEXT, officer(), middle(), digest=digest))
    found = judge(data)
    assert found is not None
    assert (found.result, found.signer, found.why, found.signed) == (Result.PASS, AUTHOR, (), TEXT)
    assert parsing.read(found.signed or b"").text == "避難指示"


def test_an_opaque_signature_passes() -> None:
    body = base64.encodebytes(cms(TEXT, officer(), middle(), opaque=True)).replace(b"\n", b"\r\n")
    head = b'Content-Type: application/pkcs7-mime; smime-type="signed-data"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    found = judge(head + body)
    assert found is not None
    assert (found.result, found.signed) == (Result.PASS, TEXT)


def test_a_pinned_certificate_needs_no_issuer() -> None:
    alone = certificate("Alone")
    data = detached(TEXT, cms(TEXT, alone))
    assert why(data, pem=trust(alone)) == ()
    assert why(data) == ("certificate-untrusted",)


def _signed_by(pair: Pair) -> bytes:
    return detached(TEXT, cms(TEXT, pair, middle()))


TRICKS = {
    "smime-body-changed": lambda: _signed_by(officer()).replace("避難".encode(), "解除".encode()),
    "certificate-expired": lambda: _signed_by(certificate("Old", middle(), until=NOW - timedelta(days=1))),
    "certificate-purpose": lambda: _signed_by(
        certificate("Web", middle(), use=ExtendedKeyUsageOID.CLIENT_AUTH)
    ),
    "certificate-other-address": lambda: _signed_by(
        certificate("Other", middle(), address="x@city.example.lg.jp")
    ),
    "certificate-untrusted": lambda: detached(TEXT, cms(TEXT, officer())),  # the issuing CA is missing
    "smime-attributes": lambda: detached(TEXT, cms(TEXT, officer(), middle(), bare=True)),
    "smime-structure": lambda: _signed_by(officer()).replace(b"preamble\r\n", b"--b=_1\r\n\r\nunsigned\r\n"),
}


@pytest.mark.parametrize("code", TRICKS)
def test_each_trick_has_its_code(code: str) -> None:
    assert why(TRICKS[code]()) == (code,)


def test_purposes_are_strict() -> None:
    assert why(_signed_by(certificate("None", middle(), use=None))) == ("certificate-purpose",)
    anything = certificate("Any", middle(), use=ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    assert why(_signed_by(anything)) == ("certificate-purpose",)
    assert why(_signed_by(certificate("Cipher", middle(), signs=False))) == ("certificate-purpose",)
    assert why(_signed_by(certificate("Nameless", middle(), address=None))) == ("certificate-other-address",)


def test_a_leaf_or_a_web_ca_issues_no_mail_certificates() -> None:
    below_leaf = certificate("Below", officer())
    assert why(detached(TEXT, cms(TEXT, below_leaf, officer(), middle()))) == ("certificate-untrusted",)
    web = certificate("Web CA", root(), ca=True, use=ExtendedKeyUsageOID.SERVER_AUTH)
    assert why(detached(TEXT, cms(TEXT, certificate("Under web", web), web))) == ("certificate-untrusted",)


def test_a_signature_of_other_bytes_is_broken() -> None:
    """The digest is put right by the attacker, who cannot sign the attributes that hold it."""
    good, other = cms(TEXT, officer(), middle()), TEXT.replace("避難".encode(), "解除".encode())
    digest = [hashes.Hash(hashes.SHA256()) for _ in range(2)]
    digest[0].update(TEXT)
    digest[1].update(other)
    assert why(detached(other, good.replace(digest[0].finalize(), digest[1].finalize()))) == ("smime-broken",)


def test_no_trust_is_temporary_and_no_smime_is_none() -> None:
    data = detached(TEXT, cms(TEXT, officer(), middle()))
    found = judge(data, pem=None)
    assert found is not None
    assert (found.result, found.signer, found.why) == (Result.TEMPERROR, AUTHOR, ("smime-no-trust",))
    assert judge(b"Subject: x\r\n\r\nplain") is None
    assert why(data, author=None) == ("certificate-other-address",)
    with pytest.raises(ValueError, match="PEM"):
        judge(data, pem=b"nonsense")


@cache
def _good() -> bytes:
    return detached(TEXT, cms(TEXT, officer(), middle()))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5000), st.binary(max_size=4), st.integers(0, 8))
def test_hostile_bytes_never_raise_and_never_pass_with_another_text(
    place: int, noise: bytes, cut_out: int
) -> None:
    place %= len(_good())
    found = judge(_good()[:place] + noise + _good()[place + cut_out :])
    assert found is None or found.signed in (None, TEXT)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=3))
def test_hostile_der_never_raises(place: int, noise: bytes) -> None:
    der = cms(TEXT, officer(), middle())
    place %= len(der)
    found = judge(detached(TEXT, der[:place] + noise + der[place + len(noise) :]))
    assert found is None or found.signed in (None, TEXT)
