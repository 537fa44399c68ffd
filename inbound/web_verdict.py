"""What the approval page answers when there is nothing (more) to decide: who decided, what follows, which link is void."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from inbound import web_case
from inbound.web_case import Case, moment
from inbound.web_pages import Pages
from store.states import BulletinState
from store.tokens import TokenState


@dataclass(frozen=True)
class Done:
    """What a decision came to: the bulletin's state, when it goes out, and whether it waits for the office to open."""

    state: str
    due: datetime | None
    held: bool


class Verdicts:
    """Pages of one sentence or two, each with the number and the subject it is about."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def settled(self, case: Case, here: str, *, mailed: bool = False) -> web.Response:
        """Nothing to decide here any more: what happened, by whom, when."""
        view, pages = case.view, self._pages
        head = f"{view.number}「{case.subject}」"
        if case.edited and view.state is BulletinState.SUBMITTED:
            lines = ["メールをお送りしたあとに、内容が変わりました。この内容では決められません。"]
            if mailed:
                return pages.tell(
                    "内容が変わりました",
                    head,
                    *lines,
                    "新しい内容の案内を、メールでお送りします。",
                    status=409,
                )
            open_link = case.asked.state is TokenState.GOOD
            lines += ["新しい内容は、新しい案内のメールのリンクから確かめてください。"]
            again = here if open_link else None
            return pages.tell(
                "内容が変わりました", head, *lines,
                status=409, action=again, name="again", button="新しい案内のメールを受け取る",
            )  # fmt: skip
        if view.state is BulletinState.SUBMITTED:
            used = case.asked.state is TokenState.USED
            lines = ["このリンクは、すでに使われています。" if used else "このリンクは期限が切れています。"]
            lines += ["この情報は、まだ承認待ちです。Slackで決めるか、新しい案内のメールを待ってください。"]
            return pages.tell("このリンクは使えません", head, *lines, status=410)
        return pages.tell(
            f"すでに決まっています（{web_case.STATES[str(view.state)]}）", head, *_record(case), status=410
        )

    def told(self, case: Case, action: str, done: Done) -> web.Response:
        """What the decision just taken means, and what comes next."""
        head = f"{case.view.number}「{case.subject}」"
        if action == "return":
            title, lines = "差し戻しました", ["書いた人に、理由をメールで知らせます。"]
        elif action == "reject":
            title, lines = (
                "却下しました",
                ["この下書きは、もう配信できません。書いた人にメールで知らせます。"],
            )
        elif done.state == BulletinState.SUBMITTED:
            title, lines = "承認しました（途中の段階）", ["まだ配信していません。次の段階の承認を待ちます。"]
        elif done.state == BulletinState.SCHEDULED:
            why = "開庁時間まで待って" if done.held else "予約のとおり"
            title, lines = "承認しました（予約済み）", [f"{why}、{moment(done.due)}に配信します。"]
        else:
            word = {"live": "配信", "drill": "訓練として配信", "test": "試験として配信"}[case.view.realm]
            title, lines = "承認しました", [f"まもなく{word}を始めます。承認済みは、配信済みではありません。"]
        return self._pages.tell(title, head, *lines)

    def unknown(self) -> web.Response:
        """For a link we never made."""
        return self._pages.tell(
            "このリンクは正しくありません",
            "メールのリンクを、最後まで写しているか確かめてください。",
            "この画面からは、何も決まっていません。",
            status=404,
        )


def _record(case: Case) -> list[str]:
    """Who decided, when and where; a withdrawal is no decision."""
    if case.taken is None or case.view.state is BulletinState.WITHDRAWN:
        return ["二重に配信されることはありません。"]
    taken = case.taken
    what, door = web_case.ACTIONS[taken.action], web_case.DOORS[taken.door]
    lines = [f"{moment(taken.at)}に、{taken.by}さんが{what}（{door}）。"]
    return [*lines, f"理由：{taken.note}"] if taken.note else [*lines, "二重に配信されることはありません。"]
