"""What to do now and what will be told next: fixed sentences by category and level (feeds/texts/advice.txt)."""

from feeds.groups import Group
from feeds.item import Action
from feeds.words import has_word, word


def advice(group: Group) -> str:
    """Two short paragraphs; empty where nobody has written a sentence, never a guess."""
    rank = max((item.rank for item in group.items), default=0)
    parts = [
        _paragraph("todo_head", _todo(group.category, rank)),
        _paragraph("next_head", _next(group, rank)),
    ]
    return "\n\n".join(part for part in parts if part)


def _paragraph(head: str, sentence: str) -> str:
    return f"{word(head)}\n{sentence}" if sentence else ""


def _todo(category: str, rank: int) -> str:
    if rank == 0:
        return ""
    for name in (f"todo_{category}_{rank}", f"todo_{category}"):
        if has_word(name):
            return word(name)
    return ""


def _next(group: Group, rank: int) -> str:
    own = f"next_{group.category}"
    if has_word(own):
        return word(own)
    if all(item.action in (Action.REPORT, Action.CORRECT) for item in group.items):
        return ""
    # Another municipality may still be under it, but not one of those this mail is about.
    return word("next_change" if rank else "next_over")
