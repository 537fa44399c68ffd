"""Forms of single values in the configuration: host and port, URL, domain, key; Japanese when wrong."""

import ipaddress
import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

TOKEN_ROOM = 25  # "+" and at most 24 base32 characters must fit a local part of 40 (MODEL.md, tokens)


class Endpoint(NamedTuple):
    """A host and a TCP port; port 0 lets the system choose (tests, demo)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether nothing sent there can leave this machine."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """True for localhost and literal loopback addresses; a name is never resolved here."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint(text: object) -> object:
    """`host:port` or `[v6]:port` as an Endpoint; raises ValueError with a Japanese sentence."""
    if not isinstance(text, str):
        return text
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in bare and bare == host):
        raise ValueError(
            f"{text} は「127.0.0.1:2525」のように、ホスト名とポート番号を「:」でつないでください"
        )
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"ポート番号 {port} は使えません。0 から 65535 までの整数にしてください")
    return Endpoint(bare, int(port))


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", text):
        raise ValueError(f"{text} は URL ではありません。https://… または http://… の形で書いてください")
    if parts.query or parts.fragment:
        raise ValueError(f"{text} の「?」や「#」より後は書かないでください")
    return text


def domain(text: str) -> str:
    """A domain name in lower-case ASCII with at least one dot; raises ValueError with a Japanese sentence."""
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if not re.fullmatch(rf"{label}(\.{label})+", text) or len(text) > 253:
        raise ValueError(
            f"{text} はドメイン名ではありません。"
            "半角の英小文字で「anzen.example.lg.jp」のように書いてください"
        )
    return text


def mail_address(text: str) -> str:
    """A staff address in lower case, unquoted; raises ValueError with a Japanese sentence."""
    local, _, name = text.lower().rpartition("@")
    if not re.fullmatch(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}", local):
        raise ValueError(
            f"{text} はメールアドレスではありません。「taro@city.example.lg.jp」のように書いてください"
        )
    return f"{local}@{domain(name)}"


HostPort = Annotated[Endpoint, BeforeValidator(endpoint)]
Url = Annotated[str, AfterValidator(_url)]
Domain = Annotated[str, AfterValidator(domain)]
Text = Annotated[str, Field(min_length=1, max_length=80)]
Place = Annotated[str, Field(min_length=1, max_length=1000)]  # a path, or the URL of a database
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["abc-123"])]
_PHONE = r"[0-9]{2,5}-[0-9]{1,4}-[0-9]{3,4}"
Phone = Annotated[str, Field(pattern=f"^{_PHONE}$", examples=["043-000-0111"])]
PhoneOrNone = Annotated[str, Field(pattern=f"^({_PHONE})?$", examples=["043-000-0111"])]
_LOCAL_PART = rf"^[a-z0-9][a-z0-9._-]{{0,{40 - TOKEN_ROOM - 1}}}$"
LocalPart = Annotated[str, Field(pattern=_LOCAL_PART, examples=["touroku"])]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$", examples=["dkim.pem"])]
