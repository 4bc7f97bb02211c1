"""How a model is told how much to think: each kind of server has its own words for it. Pure.

    reasoning = "off"  with openai/...  {"reasoning_effort": "none"}, then "minimal", then "low", whatever is taken
                       with vllm/...    {"chat_template_kwargs": {"enable_thinking": false, "thinking": false}}

A word that a server does not take is left out; `manners.py` remembers it.
"""

from collections.abc import Callable, Mapping

from glan.teachers.specs import SERVER

EFFORT = "reasoning_effort"

_EFFORTS: Mapping[str, tuple[str, ...]] = {"off": ("none", "minimal", "low")}
"""What is asked for in turn where a model does not take the first; else the setting itself."""


def n_efforts(reasoning: str) -> int:
    """Return how many words there are for a setting."""
    return len(_EFFORTS.get(reasoning, (reasoning,)))


def effort_words(reasoning: str, step: int) -> dict[str, object]:
    """Tell it as OpenAI's servers read it, and those of which nothing else is known."""
    return {EFFORT: _EFFORTS.get(reasoning, (reasoning,))[step]}


def _template(reasoning: str, step: int) -> dict[str, object]:
    """Tell the chat template, by the two names that templates have for it; some read an effort as well."""
    is_on = reasoning != "off"
    switches: dict[str, object] = {"enable_thinking": is_on, "thinking": is_on}
    if not is_on:
        return {"chat_template_kwargs": switches}
    return {"chat_template_kwargs": {**switches, EFFORT: reasoning}, **effort_words(reasoning, step)}


def _both(reasoning: str, step: int) -> dict[str, object]:
    return {**_template(reasoning, step), **effort_words(reasoning, step)}


def _openrouter(reasoning: str, _step: int) -> dict[str, object]:
    return {"reasoning": {"enabled": False} if reasoning == "off" else {"effort": reasoning}}


def _deepseek(reasoning: str, _step: int) -> dict[str, object]:
    return {"thinking": {"type": "disabled" if reasoning == "off" else "enabled"}}


Words = Callable[[str, int], dict[str, object]]
"""Gives the keys of the body for a setting and the number of words that were refused before."""

_WORDS: Mapping[str, Words] = {
    "vllm": _template,
    "sglang": _template,
    "llamacpp": _template,
    "lmstudio": _both,
    SERVER: _both,
    "openrouter": _openrouter,
    "deepseek": _deepseek,
}
"""By provider; all others know `reasoning_effort`. Of a bare address nobody knows what stands behind it."""


def words_of(provider: str) -> Words:
    """Return how the servers of a provider are told."""
    return _WORDS.get(provider, effort_words)
