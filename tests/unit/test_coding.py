"""Exercises in Python: the code in replies, the programs that examine it, and pass@k."""

from collections.abc import Mapping
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.errors import BenchmarkError
from glan.evaluate.coding import code_of, functions_of, humaneval_program, mbpp_program, pass_at_k

HUMANEVAL = {
    "task_id": "Ours/0",
    "prompt": (
        "from typing import List\n\n\ndef above(x):\n    return x + 1\n\n\n"
        'def solve(xs: List[int]) -> int:\n    """Sum what is above.\n    >>> solve([1])\n    2\n    """\n'
    ),
    "canonical_solution": "    return sum(above(x) for x in xs)\n",
    "test": "\n\nM = {}\n\ndef check(candidate):\n    assert candidate([1, 2]) == 5\n    assert candidate([]) == 0\n",
    "entry_point": "solve",
}
MBPP = {
    "text": "Write a function to find the elements that two tuples share.",
    "code": "def shared(a, b):\r\n  return tuple(set(a) & set(b))",
    "test_list": ["assert set(shared((3, 4), (5, 4))) == {4}", "assert shared((1,), (2,)) == ()"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
FULL = "def solve(xs: List[int]) -> int:\n    return sum(above(x) for x in xs)\n"
RIGHT = {
    "canonical": HUMANEVAL["canonical_solution"],
    "body that lost its first indent": "total = 0\n    for x in xs:\n        total += above(x)\n    return total\n",
    "body that lost it before a loop": "for x in xs:\n        pass\n    return sum(map(above, xs))",
    "body at the margin": "total = 0\nfor x in xs:\n    total += above(x)\nreturn total\n",
    "body at the margin that opens a bracket": "total = sum(\n    map(above, xs)\n)\nreturn total\n",
    "body that lost its first indent before a bracket": "total = sum(\n        map(above, xs)\n    )\n    return total",
    "body in a fence that opens a bracket": "```\n    total = sum(\n        map(above, xs)\n    )\n    return total\n",
    "body with tabs": "\ttotal = 0\n\tfor x in xs:\n\t\ttotal += above(x)\n\treturn total",
    "body, and then more": "    return sum(map(above, xs))\n\n\ndef other():\n    return 1\n\nHope this helps!",
    "body with a text at the margin": '    """A\ntext."""\n    return sum(map(above, xs))\n',
    "body in a fence": "```python\n    return sum(map(above, xs))\n```",
    "function": FULL,
    "function, all of it indented": "    def solve(xs):\n        return sum(map(above, xs))\n",
    "prompt repeated": f"{HUMANEVAL['prompt']}{HUMANEVAL['canonical_solution']}",
    "fence": f"```python\n{FULL}```",
    "fence without a language": f"Of course.\n\n```\n{FULL}```\nIt adds them up.",
    "fence of tildes": f"~~~py\n{FULL}~~~",
    "fence in a list": "1. So:\n   ```python\n   def solve(xs):\n       return sum(map(above, xs))\n   ```\n",
    "fence that is never closed": f"Sure:\n```python\n{FULL}",
    "fence that is only closed": f"{FULL}```\nThis adds them up.\n",
    "windows": f"```python\n{FULL}```\n".replace("\n", "\r\n"),
    "several fences": f"Run\n```bash\npip install x\n```\nfor\n```\nsolve([1])\n```\nas\n```Python\n{FULL}```\n"
    "and use it:\n```python\nprint(solve(list(map(int, input()))))\n```",
    "prose around": f"Here is the function.\n\n{FULL}\nIt adds them up.\n",
    "imports and constants around": "I import first:\n\nimport math\nONE = 1\n\n"
    "@staticmethod\ndef add(x):\n    return x + ONE\n\n\ndef solve(xs):\n    return sum(map(add, xs))\n\nDone.",
    "from the future": "```python\nfrom __future__ import annotations\n\ndef solve(xs: list[int]) -> Unknown:\n"
    "    return sum(map(above, xs))\n```",
    "session": "```pycon\n>>> def solve(xs):\n...     return sum(map(above, xs))\n>>> solve([1])\n2\n```",
    "lambda": "```python\nsolve = lambda xs: sum(map(above, xs))\n```",
}
WRONG = {
    "empty": "",
    "spaces": " \n ",
    "prose": "I am sorry, but I cannot help with that.",
    "wrong": "    return 0\n",
    "another language": "```java\nint solve(List<Integer> xs) { return 0; }\n```",
    "another language without a fence": "function solve(xs) { return 0; }",
    "only an example": "```python\nprint(solve([1, 2]))\n```",
    "open text": '```python\ndef solve(xs):\n    return sum(map(above, xs))\nx = """\n```',
    "exit": "```python\nraise SystemExit\n```",
}


def passes(program: str) -> bool:
    """Run a program of this file, which is trusted."""
    try:
        exec(program, {})  # noqa: S102 - our own programs
    except (Exception, SystemExit):  # noqa: BLE001 - any way to fail
        return False
    return True


@pytest.mark.parametrize("reply", RIGHT.values(), ids=RIGHT)
def test_right_replies_pass(reply: str) -> None:
    """A right solution passes in whatever form it comes."""
    assert passes(humaneval_program(HUMANEVAL, reply)), humaneval_program(HUMANEVAL, reply)


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
def test_wrong_replies_fail(reply: str) -> None:
    """What is no solution fails, and leaves the tests in the program."""
    program = humaneval_program(HUMANEVAL, reply)
    assert not passes(program)
    assert program.endswith("check(solve)\n")


def test_a_program_of_mbpp() -> None:
    """Imports and setup come first, then the code, then all asserts."""
    assert passes(mbpp_program(MBPP, MBPP["code"] if isinstance(MBPP["code"], str) else ""))
    assert not passes(mbpp_program(MBPP, "def shared(a, b):\n    return (4,)"))
    assert not passes(mbpp_program(MBPP, ""))
    item = {**MBPP, "test_setup_code": "import math", "test_imports": ["from math import inf"]}
    program = mbpp_program(item, "Sure!\n```python\ndef shared(a, b):\n    return ()\n```")
    assert program.splitlines() == [
        *("from math import inf", "", "import math", "", "def shared(a, b):", "    return ()", ""),
        *(MBPP["test_list"][0], "", MBPP["test_list"][1]),
    ]
    assert functions_of(MBPP["test_list"]) == ["set", "shared"]


def test_of_several_blocks_the_one_with_the_function_is_taken() -> None:
    """Without a name the first Python block is taken, with one the block that defines it."""
    reply = "```sh\nls\n```\n```python\nimport a\n```\n```python\ndef f():\n    pass\n```"
    assert code_of(reply) == "import a\n"
    assert code_of(reply, ["f"]) == "def f():\n    pass\n"
    assert code_of(reply, ["g"]) == "import a\n"


@pytest.mark.parametrize(
    ("item", "column"),
    [({**HUMANEVAL, "test": None}, "test"), ({"prompt": "x", "test": "y"}, "entry_point"), ({}, "prompt")],
)
def test_an_item_without_a_column(item: Mapping[str, object], column: str) -> None:
    """The error names the benchmark and the column."""
    with pytest.raises(BenchmarkError, match=f"HumanEval .*'{column}'"):
        humaneval_program(item, "x")
    with pytest.raises(BenchmarkError, match=r"MBPP .*'test_list'"):
        mbpp_program({"test_list": "assert f()"}, "x")


@given(
    st.text(alphabet="`~ \npython def(x):\n\t'\"#>>>...=\\\r\0é", max_size=200), st.lists(st.sampled_from(["f", "x"]))
)
def test_any_reply_gives_some_code(reply: str, names: list[str]) -> None:
    """No reply is an error; what is taken from it stands in it, line by line, but for spaces and prompts."""
    code = code_of(reply, names)
    assert all(line.strip() in reply.replace("\r\n", "\n") for line in code.split("\n"))
    assert humaneval_program(HUMANEVAL, reply).endswith("check(solve)\n")


def test_pass_at_k_by_hand() -> None:
    """1 - C(n-c, k) / C(n, k), in cases that are reckoned by hand."""
    assert pass_at_k(5, 2, 1) == pytest.approx(2 / 5)
    assert pass_at_k(4, 2, 2) == pytest.approx(1 - 1 / 6)  # one of six pairs has none that passed
    assert pass_at_k(5, 1, 3) == pytest.approx(1 - 4 / 10)  # four of ten triples
    assert pass_at_k(10, 3, 8) == 1  # only seven failed
    assert (pass_at_k(7, 0, 3), pass_at_k(7, 7, 3), pass_at_k(1, 1, 1)) == (0, 1, 1)
    assert pass_at_k(10**6, 1, 10**5) == pytest.approx(0.1)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_exact(numbers: tuple[int, int, int]) -> None:
    """It is the exact quotient, grows with what passed and with k, and at k = 1 it is the share that passed."""
    n, c, k = numbers
    found = pass_at_k(n, c, k)
    assert found == pytest.approx(float(1 - Fraction(comb(n - c, k), comb(n, k))), abs=1e-9)
    assert 0 <= found <= 1
    assert c == n or found <= pass_at_k(n, c + 1, k)
    assert k == n or found <= pass_at_k(n, c, k + 1) + 1e-12
    assert pass_at_k(n, c, 1) == pytest.approx(c / n)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 6), (5, 1, 0), (0, 0, 1)])
def test_pass_at_k_is_defined_within_its_samples(n: int, c: int, k: int) -> None:
    """More samples than there are is an error."""
    with pytest.raises(ValueError, match=f"pass@{k} of {n} samples"):
        pass_at_k(n, c, k)
