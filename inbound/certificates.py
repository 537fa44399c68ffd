"""Decides whether a certificate may sign mail for an address: issuer, purpose, name and validity."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from inbound.mailbox import canonical

_CHAIN_LIMIT = 20


def anchors(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file: issuing CAs, or pinned signer certificates. Raises ValueError."""
    return x509.load_pem_x509_certificates(pem)


def _purpose(certificate: x509.Certificate) -> str | None:
    """The signer must be allowed to sign mail (RFC 8550 4.4); anyExtendedKeyUsage is not enough here."""
    extensions = certificate.extensions
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "certificate-purpose"
    if ExtendedKeyUsageOID.EMAIL_PROTECTION not in list(usages):
        return "certificate-purpose"
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return None if usage.digital_signature or usage.content_commitment else "certificate-purpose"


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """The rfc822Names of the alternative name, canonical; an emailAddress in the subject does not count."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    found = (canonical(name) for name in names.get_values_for_type(x509.RFC822Name))
    return tuple(name for name in found if name is not None)


def _strong(certificate: x509.Certificate) -> bool:
    public = certificate.public_key()
    if isinstance(public, RSAPublicKey):
        return public.key_size >= 2048
    return not isinstance(public, EllipticCurvePublicKey) or public.key_size >= 256


def _ca_policy() -> ExtensionPolicy:
    """A CA for mail keeps the usual rules of CAs, except that its EKU, if any, names mail and not the web."""

    def certifies(_policy: object, _certificate: x509.Certificate, value: x509.BasicConstraints) -> None:
        if not value.ca:
            raise ValueError("not a CA")

    def signs(_policy: object, _certificate: x509.Certificate, value: x509.KeyUsage | None) -> None:
        if value is not None and not value.key_cert_sign:
            raise ValueError("may not sign certificates")

    def mails(_policy: object, _certificate: x509.Certificate, value: x509.ExtendedKeyUsage | None) -> None:
        allowed = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
        if value is not None and not allowed & set(value):
            raise ValueError("not for mail")

    agnostic = x509.verification.Criticality.AGNOSTIC
    policy = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, agnostic, certifies)
    policy = policy.may_be_present(x509.KeyUsage, agnostic, signs)
    return policy.may_be_present(x509.ExtendedKeyUsage, agnostic, mails)


def _issued(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: list[x509.Certificate],
    now: datetime,
) -> bool:
    """Whether a chain leads to one of the roots; a root that is the certificate itself is a pin."""
    if certificate in roots or not roots:
        return bool(roots)
    builder = PolicyBuilder().store(Store(roots)).time(now.astimezone(UTC).replace(tzinfo=None))
    builder = builder.extension_policies(ca_policy=_ca_policy(), ee_policy=ExtensionPolicy.permit_all())
    try:
        builder.build_client_verifier().verify(certificate, list(others)[:_CHAIN_LIMIT])
    except VerificationError:
        return False
    return True


def doubts(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    *,
    roots: list[x509.Certificate],
    author: str | None,
    now: datetime,
) -> list[str]:
    """Codes why this certificate may not sign for `author` at `now`, empty if it may. Asks no revocation."""
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    out: list[str] = [] if valid else ["certificate-expired"]
    purpose = _purpose(certificate)
    if purpose is not None:
        out.append(purpose)
    if author is None or author not in addresses(certificate):
        out.append("certificate-other-address")
    if not _strong(certificate):
        out.append("certificate-weak")
    if valid and not _issued(certificate, others, roots, now):
        out.append("certificate-untrusted")
    return out
