"""What can go wrong with a teacher, by name, and a wrapper that spoils replies on purpose.

A fault of the content is a function of the seed, the messages and the model: the same at every concurrency and order.
Further answers to one question, the samples after the first, have luck of their own, but for misconceptions.
A fault of the transport is a function of the seed and the arrival; the simulated server makes those.
It refuses to know which teacher it spoils.

    refusal=0.02           two replies in a hundred are refusals
    refusal@answers=1.0    every answer is refused, whatever `refusal` says
"""

# ruff: noqa: RUF001 - some sentences are in alphabets whose letters look like Latin ones

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from glan.errors import ConfigError
from glan.records import Message, Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.filler import CHARACTERS_PER_TOKEN, Asked, asked_of, digest_of, tokens_of
from glan.teachers.mistakes import misjudged, with_mistake
from glan.vectors import pack_unusable

CONTENT_FAULTS: Mapping[str, str] = {
    "malformed": "A listing or a judgement of which no reader can make one, or a vector of zeros; others are left.",
    "cut-off": "The first half of the reply, with the finish reason `length`.",
    "refusal": "A polite refusal, in one of several languages.",
    "empty": "A reply without a character.",
    "wrong-language": "A text in another language than asked; listings and judgements are left.",
    "cut-prompt": "A reply to the second half of the last message, as from a server whose context is too short.",
    "mistake": "An answer with another result than the right one; asked again, the teacher has luck of its own.",
    "misconception": "The same, and asked again the teacher makes the same mistake.",
    "lenient": "A judgement that passes what it would have failed; others are left.",
    "harsh": "A judgement that fails what it would have passed; others are left.",
}
"""Every fault of the content. Where several hit, the first here counts."""

TRANSPORT_FAULTS: Mapping[str, str] = {
    "429": "Too many requests, with a Retry-After.",
    "500": "An internal error.",
    "503": "The server is overloaded.",
    "stall": "The reply is held for a long time, then given.",
    "cut-body": "The headers promise the whole reply; half of it comes, and the connection is closed.",
    "death": "The connection is closed without a response.",
    "no-schema": "A request with a JSON schema is turned down.",
    "no-json": "A request with any response format is turned down.",
    "unauthorized": "The key is not accepted.",
    "no-credit": "There is no credit left.",
}
"""Every fault of the transport. Where several hit, the first here counts."""

_APART = ("misconception", "lenient", "harsh")
"""Faults whose luck hangs on no other fault: a judge who may be lenient to some may be harsh to others."""
_STAGES = tuple(stage.value for stage in Stage)
_BYTES = 4
"""Bytes of luck for each fault."""


def parse_faults(texts: Iterable[str]) -> Mapping[str, float]:
    """Return rates by fault from texts such as `429=0.05` and `refusal@answers=1`; of two for one fault the last holds.

    Raises:
        ConfigError: a text of another form, an unknown fault or stage, or a rate outside 0 to 1.

    """
    rates: dict[str, float] = {}
    for text in texts:
        name, _, rate = text.rpartition("=")
        try:
            rates[name.strip()] = float(rate)
        except ValueError as error:
            raise ConfigError(
                f"The fault {text!r} is not NAME=RATE or NAME@STAGE=RATE, such as 429=0.05 or refusal@answers=1."
            ) from error
    check_rates(rates, [*CONTENT_FAULTS, *TRANSPORT_FAULTS])
    return rates


def check_rates(rates: Mapping[str, float], faults: Sequence[str]) -> None:
    """Refuse rates of faults that are not in the list, of stages that there are not, and outside 0 to 1.

    Raises:
        ConfigError: names the first wrong one, and what there is.

    """
    for key, rate in rates.items():
        name, restricted, stage = key.partition("@")
        if name not in faults:
            raise ConfigError(f"Unknown fault {name!r}; faults: {', '.join(faults)}.")
        if restricted and stage not in _STAGES:
            raise ConfigError(f"Unknown stage {stage!r} in the fault {key!r}; stages: {', '.join(_STAGES)}.")
        if not 0 <= rate <= 1:
            raise ConfigError(f"The rate of the fault {key!r} is {rate}; it lies between 0 and 1.")


class Odds:
    """How likely each fault is at each stage. The luck of one fault does not depend on the rates of others."""

    def __init__(self, rates: Mapping[str, float], faults: Iterable[str]) -> None:
        """Take the rates of these faults, in this order, and leave the rates of all others."""
        names = tuple(faults)
        self._odds = {stage: tuple(_odds(rates, names, stage)) for stage in Stage}

    def __bool__(self) -> bool:
        return any(self._odds.values())

    def drawn(self, stage: Stage, bits: bytes, *, spared: Container[str] = ()) -> str | None:
        """Return the first fault that these random bytes hit and that is not spared, if any."""
        for name, at, below in self._odds[stage]:
            if name not in spared and int.from_bytes(bits[at : at + _BYTES], "big") < below:
                return name
        return None


def _odds(rates: Mapping[str, float], faults: Sequence[str], stage: Stage) -> Iterator[tuple[str, int, float]]:
    """Give the faults that can hit at a stage: name, place of its bytes of luck, and what they must be below."""
    for i, name in enumerate(faults):
        rate = rates.get(f"{name}@{stage.value}", rates.get(name, 0.0))
        if rate > 0:
            yield name, i * _BYTES, rate * 2 ** (8 * _BYTES)


class Faulty:
    """A teacher that spoils some replies of another, the same ones each time."""

    def __init__(self, teacher: Teacher, *, seed: int, rates: Mapping[str, float]) -> None:
        """Wrap a teacher.

        Raises:
            ConfigError: a rate is not of a fault of the content, or out of range.

        """
        check_rates(rates, tuple(CONTENT_FAULTS))
        self._teacher = teacher
        self._seed = seed
        self._odds = Odds(rates, [name for name in CONTENT_FAULTS if name not in _APART])
        self._apart = {name: odds for name in _APART if (odds := Odds(rates, (name,)))}

    async def reply(self, request: Request) -> Reply:
        """Answer a request by the other teacher, then spoil the reply if its luck says so."""
        if request.stage is Stage.EMBEDDINGS:
            return await self._vector(request)
        asked = asked_of(request.messages, request.schema)
        bits = self._luck(request, "faults", asked)
        spared = ("wrong-language",) if asked.schema else ("malformed",)
        fault = self._odds.drawn(asked.stage, bits, spared=spared)
        if fault == "cut-prompt":
            return await self._teacher.reply(_without_beginning(request))
        reply = await self._teacher.reply(request)
        if fault is not None and fault != "mistake":
            return _SPOILED[fault](request, reply, bits[-1])
        for name, odds in self._apart.items():
            same = self._luck(request, name)
            if odds.drawn(asked.stage, same) is not None:
                spoiled = _SPOILED[name](request, reply, same[-1])
                if spoiled.text != reply.text:
                    return spoiled
        return reply if fault is None else _mistake(request, reply, bits[-1])

    def _luck(self, request: Request, what: str, asked: Asked | None = None) -> bytes:
        """Return random bytes for a request; given what is asked, a further answer to one question has its own."""
        sample = [str(request.sample)] if asked is Asked.ANSWER_QUESTION and request.sample else []
        return digest_of(self._seed, request.messages, request.sampling.model, what, *sample)

    async def _vector(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        bits = digest_of(self._seed, request.messages, request.sampling.model, "faults")
        fault = self._odds.drawn(Stage.EMBEDDINGS, bits, spared=_NOT_FOR_VECTORS)
        return reply if fault is None else replace(reply, text=_ZEROS)


def shortened(reply: Reply, length: int) -> Reply:
    """Return a reply as it comes when there is no room for more than these characters."""
    return replace(_with_text(reply, reply.text[:length]), finish_reason="length")


def thoughtful(reply: Reply, n_thoughts: int, room: int) -> Reply:
    """Return a reply as a model gives it that thinks first, so many tokens long, within the room of both."""
    n_thoughts = min(n_thoughts, room)
    left = room - n_thoughts
    if tokens_of(reply.text) > left:
        reply = shortened(reply, left * CHARACTERS_PER_TOKEN)
    size = n_thoughts * CHARACTERS_PER_TOKEN
    usage = replace(reply.usage, completion_tokens=tokens_of(reply.text) + n_thoughts, reasoning_tokens=n_thoughts)
    return replace(reply, reasoning=(_THOUGHT * (size // len(_THOUGHT) + 1))[:size], usage=usage)


_THOUGHT = "Let me look at it once more, from the other side. "


def _with_text(reply: Reply, text: str) -> Reply:
    return replace(reply, text=text, usage=replace(reply.usage, completion_tokens=tokens_of(text)))


def _without_beginning(request: Request) -> Request:
    *_, last = request.messages
    kept = replace(last, content=last.content[len(last.content) // 2 :])
    return replace(request, messages=(kept,))


def _malformed(_request: Request, reply: Reply, luck: int) -> Reply:
    """Spoil a listing or a judgement in one of four ways, none of which can be mended."""
    ways = (
        "Certainly. There are many things to list here, and all of them matter; tell me where to begin.",
        reply.text[:18],  # ends before the first name or number
        '{"error": "the list is too long"}',
        reply.text.translate(_NO_BRACKETS),
    )
    return _with_text(reply, ways[luck % len(ways)])


def _cut_off(_request: Request, reply: Reply, _luck: int) -> Reply:
    return shortened(reply, len(reply.text) // 2)


def _refusal(_request: Request, reply: Reply, luck: int) -> Reply:
    return _with_text(reply, _REFUSALS[luck % len(_REFUSALS)])


def _empty(_request: Request, reply: Reply, _luck: int) -> Reply:
    return _with_text(reply, "")


def _wrong_language(request: Request, reply: Reply, luck: int) -> Reply:
    asked = _language(request.messages)
    texts = [sentences for name, sentences in _SENTENCES.items() if name != asked]
    sentences = texts[luck % len(texts)]
    first = luck // len(texts) % len(sentences)
    return _with_text(reply, " ".join([*sentences[first:], *sentences[:first]]))


def _language(messages: Sequence[Message]) -> str:
    """Return the language asked for, if it is one of those below; else English."""
    for message in messages:
        for name in _SENTENCES:
            if (
                f"<language>{name}</language>" in message.content
                or f"\n\nWrite the answer in {name}." in message.content
            ):
                return name
    return "English"


def _mistake(_request: Request, reply: Reply, luck: int) -> Reply:
    return _with_text(reply, with_mistake(reply.text, luck))


_NOT_FOR_VECTORS = tuple(name for name in CONTENT_FAULTS if name != "malformed")
_ZEROS = pack_unusable("a vector of zeros, which has no direction", "[0.0, 0.0, 0.0]")
_SPOILED: Mapping[str, Callable[[Request, Reply, int], Reply]] = {
    "malformed": _malformed,
    "cut-off": _cut_off,
    "refusal": _refusal,
    "empty": _empty,
    "wrong-language": _wrong_language,
    "mistake": _mistake,
    "misconception": _mistake,
    "lenient": lambda _, reply, __: _with_text(reply, misjudged(reply.text, is_lenient=True)),
    "harsh": lambda _, reply, __: _with_text(reply, misjudged(reply.text, is_lenient=False)),
}
_NO_BRACKETS = {ord(character): None for character in "{}[]"}
_REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I cannot assist with this request.",
    "As an AI language model, I am unable to answer this question.",
    "I'm sorry, I'm not able to provide that information. Is there anything else I can help you with?",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Извините, но я не могу с этим помочь.",
    "很抱歉，我无法帮助您完成此请求。",
    "申し訳ありませんが、そのご要望にはお応えできません。",
)
_SENTENCES: Mapping[str, tuple[str, ...]] = {
    "English": (
        "The river rises in the hills to the north and is slow by the time it meets the sea.",
        "Most of the fields beside it are flooded for some weeks of every winter.",
        "People there built their houses on stilts long before anybody wrote about it.",
        "In summer the water is low, and the children cross it on foot.",
    ),
    "German": (
        "Der Fluss entspringt in den Hügeln im Norden und ist langsam, wenn er das Meer erreicht.",
        "Die meisten Felder an seinem Ufer stehen jeden Winter einige Wochen unter Wasser.",
        "Die Menschen bauten ihre Häuser dort auf Pfählen, lange bevor jemand darüber schrieb.",
        "Im Sommer ist das Wasser niedrig, und die Kinder gehen zu Fuß hinüber.",
    ),
    "Spanish": (
        "El río nace en las colinas del norte y llega despacio al mar.",
        "La mayoría de los campos de la orilla se inundan durante algunas semanas cada invierno.",
        "La gente construyó allí sus casas sobre pilotes mucho antes de que alguien lo contara.",
        "En verano el agua está baja y los niños cruzan a pie.",
    ),
    "Russian": (
        "Река начинается в северных холмах и медленно приходит к морю.",
        "Большинство полей на её берегу каждую зиму несколько недель стоят под водой.",
        "Люди строили там дома на сваях задолго до того, как об этом написали.",
        "Летом вода стоит низко, и дети переходят реку пешком.",
    ),
    "Chinese": (
        "这条河发源于北方的山丘，流到海边时已经很缓慢了。",
        "河边的大部分田地每年冬天都会被淹几个星期。",
        "早在有人记载之前，那里的人们就把房子建在木桩上。",
        "夏天水位很低，孩子们可以走着过河。",
    ),
    "Arabic": (
        "ينبع النهر من التلال في الشمال ويصل إلى البحر بطيئا.",
        "تغمر المياه معظم الحقول على ضفته بضعة أسابيع في كل شتاء.",
        "بنى الناس بيوتهم هناك على أعمدة قبل أن يكتب أحد عن ذلك بزمن طويل.",
        "في الصيف يكون الماء منخفضا فيعبره الأطفال سيرا على الأقدام.",
    ),
}
"""Plain sentences in several languages; a text of them never says the same twice."""
