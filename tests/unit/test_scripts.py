"""What curation, statistics and the viewer do with texts without spaces, and with texts from right to left."""

# ruff: noqa: RUF001 - marks and letters of other scripts are meant

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from glan.benchmarks.items import Item
from glan.curate.constraints import checks_of
from glan.curate.contamination import Contamination
from glan.curate.duplicates import Duplicates
from glan.curate.finals import final_of
from glan.curate.languages import other_language
from glan.curate.loops import is_loop
from glan.curate.refusals import is_refusal
from glan.curate.words import extent, words_of
from glan.records import Constraint
from glan.view.texts import Search, Texts, build

JAPANESE = (
    "地球から見た恒星の明るさは、恒星までの距離の二乗に反比例して減少することを、具体的な数値を使って説明してください。"
)
THAI = "จงอธิบายว่าเหตุใดความสว่างของดาวฤกษ์ที่มองเห็นจากโลกจึงลดลงตามกำลังสองของระยะทางที่ห่างออกไปจากเรา"
KOREAN = "지구에서 본 별의 밝기가 거리의 제곱에 반비례하여 줄어드는 까닭을 구체적인 수를 써서 차근차근 설명하세요."
"""Long enough to be an item of a benchmark."""
STOCK = "次の文章を読んで、あとの問いに答えなさい。"
"""A phrase that thousands of exams begin with: more than 13 characters, and some seven words."""


@pytest.mark.parametrize(
    "item", [JAPANESE, THAI, KOREAN, "请用具体的数字说明，从地球上看到的恒星亮度为什么与距离的平方成反比地减弱下去。"]
)
def test_an_item_is_found_inside_a_text_of_its_script(item: str) -> None:
    """An item that a question or an answer holds is found, whatever stands around it."""
    known = Contamination([Item(benchmark="B", id="1", question=item)])
    assert known.questions([f"{item} 2024"])[0] is not None
    assert known.answers([f"X\n\n{item}"])[0] is not None


def test_a_stock_phrase_is_no_contamination() -> None:
    """Two tasks of reading in Japanese share their first sentence, which is worth less than 13 words."""
    known = Contamination(
        [Item(benchmark="B", id="1", question=f"{STOCK}川の水はどこから来るのか、三十字で書きなさい。")]
    )
    assert extent(words_of(STOCK)) < 13 < len(words_of(STOCK))
    assert known.questions([f"{STOCK}筆者が都市の緑について述べていることを、本文の言葉を使ってまとめなさい。"]) == [
        None
    ]
    assert known.answers([STOCK]) == [None]


def test_a_short_question_is_looked_for_as_a_whole_alone() -> None:
    """Six characters are no six words: a question of four Japanese words is found where it stands alone."""
    known = Contamination([Item(benchmark="B", id="1", question="日本の首都は？")])
    assert known.questions(["日本の首都は?"])[0] is not None
    assert known.questions(["江戸時代に日本の首都はどこにあり、天皇はどこに住んでいたのかを説明してください。"]) == [
        None
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JAPANESE, JAPANESE.replace("具体的な", "実際の")),
        (THAI, THAI.replace("จงอธิบาย", "โปรดอธิบาย")),
        (KOREAN, KOREAN.replace("차근차근 ", "")),
    ],
)
def test_near_copies_are_found_without_spaces(one: str, other: str) -> None:
    """A word more or less leaves a question a near copy."""
    found = Duplicates(0.7).judge([one, other, "円の面積を求めなさい。"])
    assert [each is not None for each in found] == [False, True, False]


@pytest.mark.parametrize(
    "sentence",
    [
        "同じ文がまた出てきます。",
        "同样的句子又出现了一次！",
        "वही वाक्य फिर से आता है।",
        "هل تتكرر هذه الجملة مرة أخرى؟",
        "یہ جملہ دوبارہ آتا ہے۔",
        "ဤဝါကျသည် ထပ်မံပေါ်လာသည်။",
    ],
)
def test_a_sentence_that_returns_is_a_loop_in_any_script(sentence: str) -> None:
    """A sentence that comes back between others is one, whatever mark ends it."""
    others = [f"{'あいうえおかきくけこ'[i % 10]}{i}{sentence[-1]}" for i in range(30)]
    assert is_loop("".join(f"{sentence}{other}" for other in others))
    assert not is_loop("".join(others))


@pytest.mark.parametrize(
    "text",
    [
        "ขออภัย ฉันไม่สามารถช่วยเหลือเรื่องนี้ได้",
        "عذرًا، لا أستطيع المساعدة في هذا الطلب.",
        "אני מצטער, אבל אני לא יכול לעזור בזה.",
        "क्षमा करें, मैं इस अनुरोध में मदद नहीं कर सकता।",
        "Xin lỗi, tôi không thể hỗ trợ yêu cầu này.",
        "申し訳ございませんが、そのご質問にはお答えできません。",
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        "很抱歉，我无法协助您完成这个请求。",
    ],
)
def test_a_refusal_is_one_in_its_script(text: str) -> None:
    """Teachers refuse in the language that they were asked in."""
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "ขอโทษในภาษาไทยใช้เมื่อใด จงยกตัวอย่างสามสถานการณ์",
        "متى يقول الناس «عذرًا» في العربية، ومتى يقولون «آسف»؟",
        "מתי אומרים סליחה בעברית, ומתי אומרים אני מצטער?",
        "क्षमा का अर्थ समझाइए और दो उदाहरण दीजिए।",
        "Khi nào người Việt nói xin lỗi? Hãy cho ba ví dụ.",
        "「申し訳ございません」と「すみません」の違いを説明してください。",
    ],
)
def test_a_question_about_regret_is_no_refusal(text: str) -> None:
    """What begins with a regret and asks about it is a question."""
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("この式を用いて星までの距離を求めます。", "en", "Japanese"),
        ("이 식을 써서 별까지의 거리를 구할 수 있습니다.", "en", "Korean"),
        ("我们用这个公式来计算恒星的距离和亮度。", "en", "Chinese"),
        ("เราใช้สูตรนี้เพื่อหาระยะทางถึงดาวฤกษ์และหาความสว่าง", "en", "Thai"),
        ("We use this formula to find the distance of a star.", "ja", "English"),
        ("この式を用いて星までの距離を求めます。", "ja", None),
        ("木という漢字", "en", None),
    ],
)
def test_a_short_text_in_another_script_is_found(text: str, expected: str, found: str | None) -> None:
    """Fifteen Chinese, Japanese or Korean signs say as much as thirty letters."""
    assert other_language(text, expected) == found


@pytest.mark.parametrize(
    "text",
    [
        "答えは三つあります。\n１．光年\n２．パーセク\n３．天文単位",
        "・光年\n・パーセク\n・天文単位",
        "①光年\n②パーセク\n③天文単位",
        "（1）光年\n（2）秒差距\n（3）天文单位",
        "1、光年\n2、秒差距\n3、天文单位",
        "1. 광년\n2. 파섹\n3. 천문단위",
        "- سنة ضوئية\n- فرسخ فلكي\n- وحدة فلكية",
    ],
)
def test_items_are_counted_behind_the_marks_of_any_script(text: str) -> None:
    """Full stops and brackets as wide as a sign, circled numbers and middle dots begin an item, without a space."""
    assert checks_of(text, Constraint(items=3)) == (("exactly 3 items", "met"),)
    assert checks_of(text, Constraint(items=5)) == (("exactly 5 items", "missed"),)


@pytest.mark.parametrize(
    ("answer", "question", "shown"),
    [
        ("計算すると、\n答え：４２", "半径を求めなさい。", "42"),
        ("計算すると、半径は42になる。\n答えは42です。", "半径を求めなさい。", "42です"),
        ("よって半径は42cmです。", "半径を求めなさい。", "半径は42cmです"),
        ("因此，半径为42厘米。", "求半径。", "半径为42厘米"),
        ("계산하면\n정답: 42", "반지름을 구하세요.", "42"),
        ("คำตอบ: 42", "จงหารัศมี", "42"),
        ("الجواب: 42", "ما نصف القطر؟", "42"),
        ("תשובה: 42", "מהו הרדיוס?", "42"),
        ("答え：Ｂ", "A．光年\nB．秒", "B"),
        ("答えはBです。", "A. 光年\nB. 秒", "B"),
    ],
)
def test_a_final_answer_is_read_in_its_script(answer: str, question: str, shown: str) -> None:
    """Cues of other languages, letters and digits of another width, and numbers between signs without a space."""
    found = final_of(answer, question=question, language="ja")
    assert found is not None
    assert found.shown == shown


@pytest.mark.parametrize(
    ("typed", "n_found"),
    [
        ("星", 1),
        ("恒星", 1),
        ("ดาว", 1),
        ("별", 1),
        ("نجم", 1),
        ("ن", 1),
        ("כוכב", 1),
        ("pH", 1),
        ("x", 1),
        ("ば", 0),
        ("각", 1),
    ],
)
def test_the_viewer_finds_what_is_short(tmp_path: Path, typed: str, n_found: int) -> None:
    """One sign of Chinese, one letter of Arabic and two of Latin are found, however they are typed."""
    texts = ["恒星の色", "ดาวฤกษ์", "별의 색깔", "لون النجم", "צבע הכוכב", "Measure pH", "Let x be 3", "삼각형"]
    path = tmp_path / "texts.arrow"
    build(path, [(text, "") for text in texts], lambda _: None)
    search = Search.of(unicodedata.normalize("NFD", typed), "all")
    found = list(Texts.open(path).look(search, np.ones(len(texts), np.bool_)))
    assert len(found) == n_found
