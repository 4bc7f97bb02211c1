"""Which option a reply names: many ways to say it, and replies that name none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.evaluate.choices import letter_of

CAPITALS = ("London", "Paris", "Rome", "A city in Spain")

NAMES_B = (
    "The answer is (B)",
    "The answer is B because it is in France.",
    "B.",
    "b",
    "(b)",
    "**B**",
    "B) Paris",
    "B: Paris",
    "B - Paris",
    "Answer: b) Paris",
    "Answer: B",
    "Answer = B",
    "**Answer:** B",
    "**Answer: B**",
    "Answer:\nB",
    "## Answer\n\nB",
    "<answer>B</answer>",
    'The answer is "B".',
    "The answer is 'B'.",
    "The answer is ‘B’.",  # noqa: RUF001 - as models write it
    "‘B’",  # noqa: RUF001 - as models write it
    "The answer is __B__.",
    "The answer is: $B$",
    "The answer is **(B) Paris**.",
    "The answer to this question is B",
    "The answer would be B) Paris",
    "So the answer must be B",
    "Final answer: (B)",
    "Correct answer: B",
    "The correct option is (B) Paris.",
    "The best option is: B",
    "The correct answer is option B) Paris, because it is in France.",
    "Option B is correct.",
    "B is the right answer.",
    "I would choose B.",
    "Therefore, B.",
    "Hence option (B).",
    "The only one that fits is B",
    "Paris",
    "Paris.",
    "The answer is Paris.",
    "Let me think. London is in England. Rome is in Italy.\n\nB",
    "B) Paris is the capital of France. A) is the capital of England.",
    "Answer: B\n\nA is wrong because it is in England.",
    "First I thought the answer is A. On reflection, the answer is B.",
    "A is tempting, but the answer is not A. The answer is B.",
    "The answer isn't A. It's B.",
    "A is not correct. B is correct.",
    "A, C and D are wrong, so B.",
    r"\boxed{B}",
    r"Thus $\boxed{\text{(B)}}$.",
    r"\boxed{\text{B}}",
    r"First \boxed{A}, no, it is \boxed{B}",
    "The answer is A. No: \\boxed{Paris}",
    "答案是 B",
    "答案：B。",  # noqa: RUF001 - as models write it
    "正确答案是（B）",  # noqa: RUF001 - as models write it
    "选B",
    "故选 B。",
    "La respuesta correcta es B.",
    "La réponse est B.",
    "Die Antwort ist B.",
    "A resposta correta é B.",
    "La risposta corretta è B.",
    "Правильный ответ: B",
    "正解はB",
    "정답은 B입니다",
    "الإجابة هي B",
)

TAKEN_BACK = (
    "The answer is A. Wait, no, it is B",
    "The answer is A.\n\nWait, that is wrong. The answer should be B.",
    "The answer is A. Actually, B.",
    "The answer is A. Correction: B",
    "The answer is (A).\nNo, it's (B).",
    r"\boxed{A}. Wait, no. The answer is B.",
    r"\boxed{A}. Hmm, wait, it is B.",
    "The answer is A. Sorry, I mean B.",
    "The answer is A, no, B.",
    "The answer is A - no wait, B.",
    "The answer is A, or rather B.",
    "The answer is A. Wait, no, it is Paris.",
    "Answer: A\n\nOn second thought, it must be B.",
    "The answer is A... actually it should be B, since Paris is in France.",
    "The answer is A. Wait, let me check. London is in England. So it is B.",
    "The answer is A. That is wrong. It is B.",
    "The answer is A. Hold on. B is correct.",
    "The answer is A. I made a mistake. Therefore, B.",
    "The answer is A. No, wait, it is C. No, it is B.",
    "I think A. Wait, no, it is B.",
)

LEFT_STANDING = (
    "The answer is B. Wait, let me check: A is in England. Yes, B.",
    "The answer is B. Wait, is it A? No, it is not A.",
    "The answer is B. A is wrong, since it is in England.",
    "The answer is B. No other option is in France: it is a fact.",
    "The answer is B. No, A, C and D are wrong.",
    "The answer is B. Actually, A is the capital of England.",
    "The answer is B. Wait, it is A that is in England, so B stays.",
    "The answer is B, not A.",
    "The answer is B. Actually, A is also true of Paris, but less so.",
    "The answer is B. I was tempted by A, but no, it is in England.",
    r"\boxed{B}. Wait, is that right? Yes, it is.",
)

NAMES_NONE = (
    "",
    "   \n ",
    "I do not know.",
    "The answer is A or B.",
    "The answer is both A and B",
    "The answers are A and C",
    "Answer: A, B",
    "It could be A, B or C.",
    "It could be A or B.",
    "Both A and B.",
    "A: no.\nB: yes.\nC: no.\n",
    "Not A. Not C. Not D.",
    "E",
    "The answer is E.",
    "A good question. It is the capital of France.",
    "The capital of France has many bridges.",
    r"\boxed{}",
    r"\boxed{",
)


@pytest.mark.parametrize("reply", NAMES_B)
def test_an_answer_is_read(reply: str) -> None:
    """However a reply says that its answer is B, it is read as B."""
    assert letter_of(reply, CAPITALS) == "B"


@pytest.mark.parametrize("reply", TAKEN_BACK)
def test_what_is_taken_back_does_not_count(reply: str) -> None:
    """A reply that takes an answer back and names another means the other, as a careful person reads it."""
    assert letter_of(reply, CAPITALS) == "B"


@pytest.mark.parametrize("reply", LEFT_STANDING)
def test_a_doubt_that_names_no_other_answer_changes_nothing(reply: str) -> None:
    """A reply that checks or explains its answer, and speaks of other options, stands by it."""
    assert letter_of(reply, CAPITALS) == "B"


BACK = ("Wait, no,", "No, wait:", "Actually,", "Correction:", "Hmm. No, that is wrong;", "Oops -", "Sorry, I mean")
SAID = ("The answer is {}.", "Answer: {}", "**Answer:** ({})", r"\boxed{{{}}}", "So the answer must be {}.")


@given(st.permutations("ABCD"), st.lists(st.sampled_from(BACK), min_size=1, max_size=4), st.sampled_from(SAID))
def test_the_last_of_any_number_of_answers_counts(letters: list[str], backs: list[str], said: str) -> None:
    """However often a reply takes its answer back, and however it does so, what it names last is its answer."""
    reply = said.format(letters[0])
    for back, letter in zip(backs, letters[1:], strict=False):
        reply += f" {back} it is {letter}." if len(backs) % 2 else f"\n{back} {letter}."
    assert letter_of(reply, ("one", "two", "three", "four")) == letters[min(len(backs), 3)]


@pytest.mark.parametrize("reply", NAMES_NONE)
def test_nothing_is_guessed(reply: str) -> None:
    """A reply that names no option as its answer, or several, has no answer."""
    assert letter_of(reply, CAPITALS) is None


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("A and B are wrong, so C", "C"),
        ("The answer is a city in Spain", "D"),
        ("A city in Spain", "D"),
        ("the answer is a", "A"),
        ("The answer is a) London", "A"),
    ],
)
def test_an_article_is_no_letter(reply: str, letter: str) -> None:
    """What begins with the word `a` is not the option A, and an option's own words name it."""
    assert letter_of(reply, CAPITALS) == letter


def test_letters_go_as_far_as_the_options() -> None:
    """A letter beyond the options names none of them; with more options it does."""
    assert letter_of("The answer is E.", CAPITALS) is None
    assert letter_of("The answer is E.", (*CAPITALS, "Lisbon")) == "E"


@given(st.text(max_size=300), st.lists(st.text(max_size=30), min_size=2, max_size=8))
def test_any_text_is_read_without_an_error(reply: str, options: list[str]) -> None:
    """Whatever a model writes, and whatever the options are, there is one of their letters or none."""
    assert letter_of(reply, options) in {None, *"ABCDEFGH"[: len(options)]}


@given(st.sampled_from("ABCD"), st.sampled_from(["The answer is {}.", "Answer: {}", "**{}**", "({})", r"\boxed{{{}}}"]))
def test_every_letter_is_read_alike(letter: str, form: str) -> None:
    """What holds for one letter holds for the others."""
    assert letter_of(form.format(letter), ("one", "two", "three", "four")) == letter
