"""Teachers, and what stands between them and the pipeline. Foreign exceptions stop here.

The functions name a teacher for `Project.run`: `glan.teachers.openai("gpt-5-mini")`.
"""

from glan.teachers.specs import OFFLINE, OFFLINE_MODEL, SERVER, Spec, parse_base_url

__all__ = ["ollama", "openai", "server", "textbook", "vllm"]


def textbook() -> Spec:
    """Name the textbook inside `glan`, for trying and testing."""
    return Spec(provider=OFFLINE, model=OFFLINE_MODEL)


def openai(model: str) -> Spec:
    """Name a model of OpenAI, or of the server that `OPENAI_BASE_URL` names."""
    return Spec(provider="openai", model=model)


def ollama(model: str) -> Spec:
    """Name a model of the Ollama on this machine."""
    return Spec(provider="ollama", model=model)


def vllm(model: str, base_url: str = "http://localhost:8000/v1") -> Spec:
    """Name a model behind `vllm serve`."""
    return Spec(provider="vllm", model=model, base_url=parse_base_url(base_url, source="base_url"))


def server(model: str, base_url: str) -> Spec:
    """Name a model behind any server that speaks the OpenAI protocol."""
    return Spec(provider=SERVER, model=model, base_url=parse_base_url(base_url, source="base_url"))
