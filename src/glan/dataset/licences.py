"""Licences: that of a data set as the Hugging Face hub knows it, and those of well-known models. Nothing is guessed."""

import difflib
import re
import tomllib
from functools import cache
from importlib import resources

import msgspec

from glan.records import Record

# https://huggingface.co/docs/hub/repositories-licenses; the hub lets no other word stand as a `license`.
HUB_LICENCES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community
    h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 other pddl
    postgresql unknown unlicense wtfpl zlib
    """.split()  # noqa: SIM905 - a page of words is read, a page of quotes is not
)
_SPDX = {
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
    "gpl-2.0-only": "gpl-2.0",
    "gpl-2.0-or-later": "gpl-2.0",
    "gpl-3.0-only": "gpl-3.0",
    "gpl-3.0-or-later": "gpl-3.0",
    "agpl-3.0-only": "agpl-3.0",
    "agpl-3.0-or-later": "agpl-3.0",
}
"""Identifiers of the SPDX list that the hub calls otherwise."""
_NO_WORD = re.compile(r"[^a-z0-9.+-]+")
_ENDING = re.compile(
    r"-(?:instruct|chat|base|it|thinking|hf|turbo|free|latest|preview|fp8|fp16|bf16|int4|int8|awq|gptq|gguf|mxfp4|"
    r"q\d(?:-\w+)*|v\d(?:\.\d)?|20\d\d-\d\d-\d\d|\d{4})$"
)


class ModelLicence(Record, frozen=True, kw_only=True):
    """The licence of some models; the file says what each part means."""

    models: str
    licence: str
    source: str
    note: str = ""


def hub_licence(name: str) -> str | None:
    """Return what the hub calls a licence, or None where it does not know it."""
    found = "-".join(name.casefold().split())
    found = _SPDX.get(found, found)
    return found if found in HUB_LICENCES else None


def licence_name(name: str) -> str:
    """Return a licence that the hub does not know as a name that it takes; empty where nothing is left of it."""
    return _NO_WORD.sub("-", name.casefold()).strip("-.+")[:100]


def doubt_of(name: str | None) -> str | None:
    """Say what is doubtful about the licence of a data set, if anything is."""
    if name is None or hub_licence(name) is not None:
        return None
    near = difflib.get_close_matches("-".join(name.casefold().split()), HUB_LICENCES, n=1, cutoff=0.7)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return (
        f"The licence {name!r} of [dataset] in glan.toml is none that the Hugging Face hub knows{meant} "
        "The card names it as `other`."
    )


def model_licence(model: str) -> ModelLicence | None:
    """Return the licence of a model by the name that a server or a person gives it, where it is known."""
    name = model.casefold().rpartition("/")[2].replace(":", "-").replace("_", "-").replace(" ", "-")
    while True:
        for known in _models():
            if re.fullmatch(known.models, name):
                return known
        shorter = _ENDING.sub("", name)
        if shorter == name:
            return None
        name = shorter


@cache
def _models() -> tuple[ModelLicence, ...]:
    text = (resources.files("glan.dataset") / "licences.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["licence"], tuple[ModelLicence, ...])
