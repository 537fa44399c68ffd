"""The bot's Japanese, from bot/texts: tables of a code, a tab, and a sentence with ${placeholders}."""

from functools import cache
from importlib import resources
from string import Template


@cache
def table(name: str) -> dict[str, Template]:
    """The sentences of bot/texts/NAME.txt by code; a literal \\n in one is a line break.

    Lines that are empty or begin with # are for the people who edit the file. ValueError names a
    line without a tab and a code given twice.
    """
    sentences: dict[str, Template] = {}
    lines = resources.files("bot").joinpath("texts", f"{name}.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        code, tab, sentence = line.partition("\t")
        if not tab or code in sentences:
            raise ValueError(
                f"bot/texts/{name}.txt {number}行目: 「コード、タブ、文」の形でないか、コードが重複しています"
            )
        sentences[code] = Template(sentence.replace("\\n", "\n"))
    return sentences


def phrase(name: str, code: str, /, **words: str) -> str:
    """One sentence with its placeholders filled; KeyError for an unknown code or a placeholder left empty."""
    return table(name)[code].substitute(words)


def refusal(code: str, /, **words: str) -> str:
    """Why an act was not done, as it is told to the person who tried (bot/texts/refusals.txt)."""
    return phrase("refusals", code, **words)
