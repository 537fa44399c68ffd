"""A rendering is the exact mail: marks where they belong, nothing of the text lost, nothing of it alive as HTML."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree, html

from config.mailhtml import CUT
from config.rendering import (
    Draft,
    Mark,
    Realm,
    Rendering,
    Section,
    from_json,
    render,
    tail,
    to_json,
    variant,
)

REASON = "このメールは、「大雨」を千葉市で受け取る設定の方に送っています。"
MANAGE = "http://127.0.0.1:8080/k/ABC?a=1&b=2"
STOP = "teishi+abc@anzen.example.lg.jp"


def _draft(**changes: object) -> Draft:
    values: dict[str, object] = {
        "subject": "レベル３大雨警報 千葉市",
        "body": "大雨警報が発表されました。\n\n川に近づかないでください。",
        "unit": "千葉市防災対策課",
        "phone": "043-000-0113",
    }
    return Draft(**(values | changes))  # type: ignore[arg-type]


def _mail(rendering: Rendering, mask: int = 0) -> tuple[str, str]:
    text, page = variant(rendering, mask)
    text_tail, page_tail = tail(REASON, MANAGE, STOP)
    return text + text_tail, page + page_tail


def _body(page: str) -> etree._Element:
    body = html.document_fromstring(page.encode()).find("body")
    assert body is not None
    return body


def _words(page: str) -> str:
    return "".join(str(piece) for piece in _body(page).itertext())


@pytest.mark.req("M6.2")
def test_mail_ends_with_contact_reason_and_the_way_out() -> None:
    text, page = _mail(render(_draft()))
    assert text.startswith("大雨警報が発表されました。\n\n川に")
    for body in (text, _words(page)):
        places = [
            body.index(word) for word in ("千葉市防災対策課", "043-000-0113", REASON, "登録内容の変更・解除")
        ]
        assert places == sorted(places)
    assert MANAGE in text
    links = [node.get("href") for node in _body(page).iter("a")]
    assert links == ["tel:0430000113", MANAGE, f"mailto:{STOP}"]


def test_live_mail_has_no_marks() -> None:
    rendering = render(_draft())
    assert rendering.subject == "レベル３大雨警報 千葉市"
    assert "訓練" not in to_json(rendering)


@pytest.mark.parametrize(
    ("realm", "mark", "notice"),
    [(Realm.DRILL, "【訓練】", "これは訓練です。"), (Realm.TEST, "【試験】", "これは試験です。")],
)
def test_drill_is_told_in_subject_first_and_last_line(realm: Realm, mark: str, notice: str) -> None:
    rendering = render(_draft(realm=realm))
    assert rendering.subject == f"{mark}レベル３大雨警報 千葉市"
    text, page = variant(rendering, 0)
    assert text.split("\n")[0] == notice
    assert text.rstrip("\n").split("\n")[-1] == notice
    shown = [line for line in _words(page).split("\n") if line.strip()]
    assert (shown[0], shown[-1]) == (notice, notice)


@pytest.mark.parametrize(("mark", "word"), [(Mark.CORRECTION, "【訂正】"), (Mark.CANCELLATION, "【取消】")])
def test_correction_and_cancellation_are_marked_once(mark: Mark, word: str) -> None:
    assert render(_draft(mark=mark)).subject == f"{word}レベル３大雨警報 千葉市"
    assert render(_draft(mark=mark, subject=f"{word}大雨警報")).subject == f"{word}大雨警報"
    both = render(_draft(mark=mark, realm=Realm.DRILL))
    assert both.subject == f"【訓練】{word}レベル３大雨警報 千葉市"


def test_source_and_archive_are_told_when_given() -> None:
    url = "http://127.0.0.1:8081/2026/0123.html"
    text, page = _mail(render(_draft(source="気象庁ホームページ", archive_url=url)))
    assert "出典：気象庁ホームページ" in text
    assert "出典：気象庁ホームページ" in _words(page)
    assert url in text
    assert f'href="{url}"' in page
    plain, _ = _mail(render(_draft()))
    assert "出典" not in plain
    assert "くわしい内容" not in plain


@given(st.integers(0, 7))
@settings(max_examples=8)
def test_variant_has_the_chosen_sections(mask: int) -> None:
    names = ("千葉中央署", "千葉東署", "千葉西署")
    sections = tuple(Section(name, f"{name}の発生状況") for name in names)
    for body in _mail(render(_draft(sections=sections)), mask):
        for i, name in enumerate(names):
            assert (f"{name}の発生状況" in body) == bool(mask >> i & 1)
        assert body.count("お問い合わせ") == 1


TEXTS = st.text(max_size=80) | st.text(alphabet="<>&\"'-!cut/script 　\n\r\tあ$@{}%", max_size=60)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(Realm), st.sampled_from(Mark))
@example(CUT, f"</body></html>{CUT}<script>", "{{ 7*7 }}", Realm.LIVE, Mark.NONE)
@example("\ud800\x00\n", "@manage@", 'http://a/?x="><b>.', Realm.TEST, Mark.NONE)
@settings(max_examples=60, deadline=None)
def test_any_text_is_shown_and_never_run(
    subject: str, body: str, section: str, realm: Realm, mark: Mark
) -> None:
    draft = _draft(
        subject=subject, body=body, sections=(Section(section, section),) * 2, realm=realm, mark=mark
    )
    rendering = render(draft)
    assert render(draft) == rendering
    assert from_json(to_json(rendering)) == rendering
    assert "\n" not in rendering.subject
    assert len(rendering.html.sections) == 2
    text, page = _mail(rendering, 3)
    assert "\r" not in text + page
    assert page.endswith("</body></html>\n")
    assert {node.tag for node in _body(page).iter()} <= {"body", "p", "h1", "h2", "br", "a", "hr"}
    shown = "".join(_words(page).split())
    for line in rendering.text.front.split("\n"):
        assert "".join(line.split()) in shown


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=30, deadline=None)
def test_tail_is_escaped(reason: str, link: str, stop: str) -> None:
    _, page = tail(reason, link, stop)
    assert page.count("<a ") == 2
    assert "<script" not in page


def test_stored_form_is_settled() -> None:
    """The hash of an approval is over these bytes: key order and spelling may not drift (X1)."""
    stored = to_json(render(_draft(sections=(Section("見出し", "本文"),))))
    document = json.loads(stored)
    assert list(document) == ["html", "subject", "text"]
    assert list(document["text"]) == ["end", "front", "sections"]
    assert ": " not in stored.split('"')[2]
    assert "レベル３大雨警報" in stored
    with pytest.raises((ValueError, KeyError)):
        from_json("{}")


def test_front_of_the_page_is_small() -> None:
    """What every recipient's mail repeats must stay light for old phones."""
    assert len(render(_draft()).html.front.encode()) < 2500
