"""Whether a text holds thinking that was not kept apart from it. Only what is sure.

<think>The user wants a proof. ...                   a leak
Okay, the user is asking for a proof. Let me think.  a leak
HTML knows no `<think>` element.                     none
"""

import re
from typing import Final

_TAG: Final = re.compile(
    r"<(/?)(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning)>|\[(/?)think\]|\u25c1(/?)think\u25b7"
    r"|<\|(?:channel|start_header_id)\|>",
    re.IGNORECASE,
)
_TAGS: Final = ("<", "[", "\u25c1")
_BEGINNING: Final = 200
"""In characters: all that is looked at for a beginning."""
_FIRST_WORDS: Final = ("ok", "al", "hm", "le", "wa", "so", "th", "we", "fi", "ri", "no", "i ")
"""How all beginnings below begin."""
_BEGINS: Final = re.compile(
    r"(?:(?:okay|ok|alright|all right|right|hmm+|well|so|now|wait|first)[ ,.:!\u2026]+)*"
    r"(?:let me think(?: (?:about|through|this|that|carefully|step)\b|[.,:;!\u2026]|$)"
    r"|the user (?:is asking|asks|asked|has asked|wants|needs|gave|provided) (?:me|us|for|about|to|how|what|why)\b"
    r"|(?:i|we) need to (?:answer|respond to) (?:the|this) (?:user|prompt|query|request)\b"
    r")"
    r"|(?:okay|ok|alright|all right|hmm+)[ ,.:!\u2026]+(?:so )?"
    r"(?:the user\b|i need to (?:figure|write|think|come|answer)\b|let me (?:try|see|start|break|figure)\b|let's see\b)"
)


def is_leak(text: str) -> bool:
    """Say whether a text begins as thinking does, or holds a tag of it at either end or an end without a beginning."""
    return _begins_as_thinking(text) or (any(mark in text for mark in _TAGS) and _has_tag(text))


def _begins_as_thinking(text: str) -> bool:
    beginning = text[:_BEGINNING].lstrip().lower()
    return beginning.startswith(_FIRST_WORDS) and _BEGINS.match(" ".join(beginning.split())) is not None


def _has_tag(text: str) -> bool:
    tags = list(_TAG.finditer(text))
    if not tags:
        return False
    before, after = text[: tags[0].start()], text[tags[-1].end() :]
    is_orphan = "/" in tags[0].groups() and not before.rpartition("\n")[2].strip()
    return is_orphan or not before.strip() or not after.strip()
