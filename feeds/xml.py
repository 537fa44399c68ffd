"""Parse XML from outside into a tree and refuse, with a code, whatever could hurt us."""

import re
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

Element = etree._Element

# A document type stands before the root, after the declaration, comments and instructions (XML 1.0 2.8).
# Atomic groups: a hostile prolog of a million comments must not make this backtrack.
_DOCTYPE = re.compile(rb"(?:\xef\xbb\xbf)?(?>\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!DOCTYPE", re.DOTALL)


class Refused(ValueError):
    """The bytes are not XML we take; `code` is one of too-big, has-dtd, bad-xml (CONTRACTS.md)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse(data: bytes, *, limit: int) -> Element:
    """The root element of `data` (at most `limit` bytes); raises Refused.

    libxml2 itself refuses nesting below 256 elements and text over 10 MB (huge_tree is off)."""
    if len(data) > limit:
        raise Refused("too-big")
    if _DOCTYPE.match(data):
        raise Refused("has-dtd")
    # A parser of its own for every call: lxml parsers keep the errors of the last document.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise Refused("bad-xml") from error
    # The same in UTF-16 and UTF-32, where the pattern above cannot see it.
    if etree.ElementTree(root).docinfo.internalDTD is not None:
        raise Refused("has-dtd")
    return root


@lru_cache(maxsize=512)
def _wild(path: str) -> str:
    """`Head/Title` -> `{*}Head/{*}Title`: the namespace changes between head and bodies, the names do not."""
    return "/".join(f"{{*}}{step}" for step in path.split("/"))


def first(parent: Element | None, path: str) -> Element | None:
    """The first element at `path` (local names), or None."""
    return None if parent is None else parent.find(_wild(path))


def every(parent: Element | None, path: str) -> list[Element]:
    """All elements at `path` (local names), in document order."""
    return [] if parent is None else list(parent.findall(_wild(path)))


def text(parent: Element | None, path: str) -> str | None:
    """The stripped text of the first element at `path`; None where it is absent or empty."""
    return own_text(first(parent, path))


def own_text(element: Element | None) -> str | None:
    """The stripped text of the element itself; None where it is absent or empty."""
    return None if element is None else (element.text or "").strip() or None


def name_of(element: Element) -> tuple[str, str]:
    """(namespace, local name)."""
    name = etree.QName(element)
    return name.namespace or "", name.localname


def typed(parent: Element | None, path: str, kind: str) -> Iterator[Element]:
    """The elements at `path` whose `type` attribute is exactly `kind`."""
    return (element for element in every(parent, path) if element.get("type") == kind)
