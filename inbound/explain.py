"""Says in Japanese what an officer should do about each reason for which a mail is not believed."""

from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("texts") / "proof_why.tsv"


@cache
def sentences() -> dict[str, str]:
    """Every code with its sentence, from texts/proof_why.tsv (code, tab, sentence)."""
    rows = (line.split("\t") for line in _TABLE.read_text("utf-8").splitlines() if line)
    return {code: sentence for code, sentence in rows}


def explain(code: str) -> str:
    """The sentence for a code of `Proof.why` or `Smime.why`; raises KeyError for a code not in the table."""
    return sentences()[code]
