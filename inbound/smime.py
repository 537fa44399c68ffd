"""Verifies the S/MIME signature of a mail (RFC 8551): the signed bytes, the signer and his certificate."""

import base64
import binascii
import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from inbound import certificates
from inbound.headers import Sheet, cut
from inbound.signatures import Result

_log = logging.getLogger(__name__)
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512(),
}  # fmt: skip
_OUTER = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_DETACHED = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_CMS_LIMIT = 512 * 1024


@dataclass(frozen=True)
class Smime:
    """The verdict on an S/MIME mail.

    `signer` is the address of the certificate, None where nothing could be read; `why` codes as in
    texts/proof_why.tsv. `signed` is the MIME entity that was verified and nothing around it, only when the
    result is pass: read the text from there.
    """

    result: Result
    signer: str | None
    why: tuple[str, ...]
    signed: bytes | None = None


class _Unreadable(Exception):
    """The structure is not one we verify; args[0] is the code."""


def _mime(sheet: Sheet) -> Message:
    """A Message holding only the Content-Type and encoding, for their parameters."""
    message = Message()
    for name in ("content-type", "content-transfer-encoding"):
        value = sheet.first(name)
        if value is not None:
            message[name] = re.sub(rb"\r?\n", b"", value).strip().decode("ascii", "replace")
    return message


def _two_parts(body: bytes, boundary: bytes) -> tuple[bytes, bytes]:
    """The bytes of the signed part and of the signature part; anything but exactly two is refused."""
    delimiter = re.compile(rb"(?:^|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|$)")
    found = list(delimiter.finditer(body))
    ends = [match[1] is not None for match in found]
    if ends[:3] != [False, False, True] or any(not end for end in ends[3:]):
        raise _Unreadable("smime-structure")
    first, second, last = found[:3]
    return body[first.end() + 2 : second.start()], body[second.end() + 2 : last.start()]


def _decoded(sheet: Sheet) -> bytes:
    encoding = (sheet.first("content-transfer-encoding") or b"").strip().lower()
    if encoding != b"base64":
        return sheet.body
    try:
        return base64.b64decode(re.sub(rb"\s", b"", sheet.body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Unreadable("smime-structure") from error


def _detached(sheet: Sheet, outer: Message) -> tuple[bytes, bytes]:
    """(signed entity, CMS) of a multipart/signed."""
    boundary = outer.get_param("boundary")
    if not isinstance(boundary, str) or not boundary.isascii() or not 0 < len(boundary) <= 70:
        raise _Unreadable("smime-structure")
    content, signature = _two_parts(sheet.body, boundary.encode())
    holder = cut(signature)
    if _mime(holder).get_content_type() not in _DETACHED:
        raise _Unreadable("smime-structure")
    return content, _decoded(holder)


def _signed_data(der: bytes) -> cms.SignedData:
    if len(der) > _CMS_LIMIT * 8:
        raise _Unreadable("smime-structure")
    try:
        info = cms.ContentInfo.load(der, strict=False)
        if info["content_type"].native != "signed_data":
            raise _Unreadable("smime-not-signed")
        return info["content"]
    except (ValueError, TypeError, KeyError) as error:
        raise _Unreadable("smime-structure") from error


def _attribute(info: cms.SignerInfo, name: str) -> object:
    """The one value of a signed attribute that must be there once (RFC 5652 section 5.3)."""
    values = [each["values"] for each in info["signed_attrs"] if each["type"].native == name]
    if len(values) != 1 or len(values[0]) != 1:
        raise _Unreadable("smime-attributes")
    return values[0][0].native


def _certificates(data: cms.SignedData) -> list[x509.Certificate]:
    if any(each.name == "certificate" and each.chosen.serial_number <= 0 for each in data["certificates"]):
        raise _Unreadable("smime-structure")  # RFC 5280 4.1.2.2; cryptography only warns of it
    return [
        x509.load_der_x509_certificate(each.chosen.dump())
        for each in data["certificates"]
        if each.name == "certificate"
    ]


def _signer(info: cms.SignerInfo, present: list[x509.Certificate]) -> x509.Certificate:
    """The certificate the signer names, by issuer and serial number or by key identifier."""
    name = info["sid"].name
    for certificate in present:
        if name == "issuer_and_serial_number":
            issuer = info["sid"].chosen["issuer"].dump()
            serial = info["sid"].chosen["serial_number"].native
            if certificate.serial_number == serial and certificate.issuer.public_bytes() == issuer:
                return certificate
            continue
        try:
            key = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            continue
        if key == info["sid"].chosen.native:
            return certificate
    raise _Unreadable("smime-no-certificate")


def _signature_holds(
    info: cms.SignerInfo, certificate: x509.Certificate, digest: hashes.HashAlgorithm
) -> bool:
    """Whether the signature over the signed attributes is the certificate's; PKCS#1 v1.5, PSS or ECDSA."""
    attributes = info["signed_attrs"].untag().dump()  # as SET OF, the form that is signed (RFC 5652 5.4)
    signature = info["signature"].native
    public = certificate.public_key()
    scheme = info["signature_algorithm"].signature_algo
    try:
        if isinstance(public, RSAPublicKey) and scheme == "rsassa_pkcs1v15":
            public.verify(signature, attributes, padding.PKCS1v15(), digest)
        elif isinstance(public, RSAPublicKey) and scheme == "rsassa_pss":
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
            public.verify(signature, attributes, pss, digest)
        elif isinstance(public, EllipticCurvePublicKey) and scheme == "ecdsa":
            public.verify(signature, attributes, ECDSA(digest))
        else:
            raise _Unreadable("smime-algorithm")
    except InvalidSignature:
        return False
    return True


def _checked(
    content: bytes, data: cms.SignedData
) -> tuple[x509.Certificate, list[x509.Certificate], list[str]]:
    """The signer's certificate, the others, and what is wrong with the signature itself."""
    if len(data["signer_infos"]) != 1:
        raise _Unreadable("smime-structure")
    info = data["signer_infos"][0]
    present = _certificates(data)
    certificate = _signer(info, present)
    digest = _HASHES.get(info["digest_algorithm"]["algorithm"].native)
    if digest is None:
        raise _Unreadable("smime-algorithm")
    if not info["signed_attrs"]:  # allowed by CMS, refused here: without them an inner text can be swapped
        raise _Unreadable("smime-attributes")
    wrong: list[str] = []
    if _attribute(info, "content_type") != data["encap_content_info"]["content_type"].native:
        raise _Unreadable("smime-attributes")
    if _attribute(info, "message_digest") != hashlib.new(digest.name, content).digest():
        wrong.append("smime-body-changed")
    if not _signature_holds(info, certificate, digest):
        wrong.append("smime-broken")
    return certificate, [each for each in present if each != certificate], wrong


def _pieces(sheet: Sheet) -> tuple[bytes, cms.SignedData] | None:
    """(signed entity, SignedData), or None if the mail is not S/MIME."""
    outer = _mime(sheet)
    kind = outer.get_content_type()
    if kind == "multipart/signed" and str(outer.get_param("protocol", "")).lower() in _DETACHED:
        content, der = _detached(sheet, outer)
        data = _signed_data(der)
        if data["encap_content_info"]["content"].native is not None:
            raise _Unreadable("smime-structure")
        return content, data
    if kind not in _OUTER:
        return None
    data = _signed_data(_decoded(sheet))
    content = data["encap_content_info"]["content"].native
    if not isinstance(content, bytes):
        raise _Unreadable("smime-structure")
    return content, data


def verify(sheet: Sheet, *, author: str | None, trust: bytes | None, now: datetime) -> Smime | None:
    """The verdict, or None for a mail without S/MIME. `sheet` has CRLF line ends, so its bytes are canonical.

    `trust`: PEM of issuing CAs or pinned signer certificates; without it nothing can be decided (temperror).
    fail = changed or not the author's; permerror = a structure or algorithm that is not verified. No mail
    makes it raise; ValueError is raised for a `trust` that is no PEM file.
    """
    roots = certificates.anchors(trust) if trust is not None else []
    try:
        pieces = _pieces(sheet)
        if pieces is None:
            return None
        content, data = pieces
        certificate, others, wrong = _checked(content, data)
        names = certificates.addresses(certificate)
        signer = author if author in names else next(iter(names), None)
        if trust is None:
            return Smime(Result.FAIL if wrong else Result.TEMPERROR, signer, (*wrong, "smime-no-trust"))
        wrong += certificates.doubts(certificate, others, roots=roots, author=author, now=now)
    except _Unreadable as error:
        return Smime(Result.PERMERROR, None, (str(error.args[0]),))
    # A named edge: asn1crypto reads lazily and cryptography has a dozen unrelated errors for odd certificates
    # (InvalidVersion, DuplicateExtension, …); on a stranger's DER each of them means the same.
    except Exception:
        _log.debug("smime unreadable", exc_info=True)
        return Smime(Result.PERMERROR, None, ("smime-structure",))
    return Smime(Result.FAIL if wrong else Result.PASS, signer, tuple(wrong), None if wrong else content)
