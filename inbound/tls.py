"""The certificate of the mail door, if the town has laid one into its secrets (C5.5)."""

import ssl
from pathlib import Path

from config.mistake import BadConfig, Mistake

CERTIFICATE, KEY = "smtp-cert.pem", "smtp-key.pem"


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
