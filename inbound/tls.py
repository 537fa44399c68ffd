"""Certificates a town may lay into its secrets: its own for the mail door, and whom it trusts for S/MIME (C5.5)."""

import ssl
from pathlib import Path

from config.mistake import BadConfig, Mistake
from inbound import certificates

CERTIFICATE, KEY = "smtp-cert.pem", "smtp-key.pem"
TRUST = "smime-trust.pem"


def context(secrets: Path) -> ssl.SSLContext | None:
    """What STARTTLS is answered with; None without a certificate. Raises BadConfig for one that is of no use."""
    certificate, key = secrets / CERTIFICATE, secrets / KEY
    if not certificate.exists() and not key.exists():
        return None
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        found.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        name = f"{secrets.name}/{CERTIFICATE}"
        message = f"証明書と鍵（{KEY}）を組として読めません。両方を PEM 形式で置いてください"
        raise BadConfig([Mistake(name, None, message)]) from error
    return found


def trust(secrets: Path) -> bytes | None:
    """PEM of issuing CAs or pinned certificates of persons, None when S/MIME is not used. Raises BadConfig."""
    path = secrets / TRUST
    if not path.exists():
        return None
    found = path.read_bytes()
    try:
        certificates.anchors(found)
    except ValueError as error:
        message = "信頼する証明書を PEM 形式で置いてください"
        raise BadConfig([Mistake(f"{secrets.name}/{TRUST}", None, message)]) from error
    return found
