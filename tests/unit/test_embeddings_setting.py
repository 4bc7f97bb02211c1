"""A project with copies in meaning: which model is asked, how, and what it costs."""

from pathlib import Path

import pytest
from desk import Desk
from harness import Counting, small
from misbehaving import EMBED, given, serving
from msgspec.structs import replace
from strategies import a_discipline

from glan.api import Project
from glan.batched import check_servers
from glan.check import Check
from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError, DeferredError
from glan.estimate import LOW, Known, estimate
from glan.generate.asking import asking_of
from glan.prompts import Prompts
from glan.records import Stage
from glan.settings import Batch, Curation, Embeddings, Limits, Price, Teachers, TeacherSettings
from glan.teachers.batch_http import HttpBatches
from glan.teachers.deferring import Deferring, Urgent
from glan.teachers.deferring import Known as KnownSoFar
from glan.teachers.ledger import Ledger
from glan.teachers.limits import Budget
from glan.teachers.outbox import Outbox
from glan.teachers.panel import Named, Panel, hosts_of, opened
from glan.teachers.prices import price_of
from glan.teachers.spool import Spool

WANTED = Curation(embeddings=Embeddings(enabled=True))
NOBODY = Environment(variables={})


def config(curation: Curation = WANTED, **teachers: TeacherSettings) -> Config:
    return Config(teachers=Teachers(**teachers), curation=curation, limits=Limits(max_retries=0))


async def test_a_model_that_writes_is_asked_for_no_vectors() -> None:
    """Without a model of its own the stage stops a run and its plan before anything is asked, and says what to set."""
    writer = config(default=TeacherSettings(spec="m@http://127.0.0.1:9/v1"))
    with pytest.raises(ConfigError, match="embeddings") as caught:
        async with opened(writer, NOBODY, Named(spec=None)):
            raise AssertionError
    assert "[teachers.embeddings]" in caught.value.hint
    with pytest.raises(ConfigError, match="embeddings"):
        hosts_of(writer, NOBODY, Named(spec=None))
    async with opened(config(default=TeacherSettings(spec="offline")), NOBODY, Named(spec=None)) as panel:
        assert Stage.EMBEDDINGS in panel.teachers
    async with opened(config(), NOBODY, Named(spec="offline")) as panel:
        assert Stage.EMBEDDINGS in panel.teachers


async def test_the_model_of_embeddings_is_asked_at_its_own_server() -> None:
    """Its server is among the hosts, gets the vectors alone, and nothing of the settings of a model that writes."""
    async with serving(given([1.0, 2.0])) as server:
        found = config(
            Curation(embeddings=Embeddings(enabled=True, dimensions=2)),
            default=TeacherSettings(
                spec="m@http://127.0.0.1:9/v1", temperature=0.5, system="Be brief.", extra={"top_k": 3},
                price=Price(input=9.0, output=9.0),
            ),
            embeddings=TeacherSettings(spec=f"e@http://127.0.0.1:{server.port}/v1", extra={"user": "me"}),
        )  # fmt: skip
        hosts = {host.host: host.stages for host in hosts_of(found, NOBODY, Named(spec=None))}
        assert hosts[f"127.0.0.1:{server.port}"] == (Stage.EMBEDDINGS,)
        async with opened(found, NOBODY, Named(spec=None)) as panel:
            asking = asking_of(found, Prompts.shipped(), panel.teacher, panel.models)
            request = asking.request(Stage.EMBEDDINGS, EMBED.id, *EMBED.messages)
            await panel.teacher.reply(request)
        assert panel.prices[Stage.EMBEDDINGS] is None
    (call,) = server.calls
    assert call.body == {
        "model": "e", "input": "Explain Wörter.", "encoding_format": "float", "user": "me", "dimensions": 2,
    }  # fmt: skip


def test_a_setting_that_is_about_writing_is_an_error_there() -> None:
    """What a person sets for embeddings is used, or told that it cannot be."""
    wrong = config(embeddings=TeacherSettings(spec="offline", system="Be brief."))
    with pytest.raises(ConfigError, match="`system`"):
        asking_of(wrong, Prompts.shipped(), small(), dict.fromkeys(Stage, "m"))


def test_the_price_list_knows_models_that_write_nothing() -> None:
    """A model with a price of its prompts alone costs nothing for replies."""
    price = price_of("text-embedding-3-small", "openai", None)
    assert price is not None
    assert (price.input, price.output) == (0.02, 0.0)


def test_an_estimate_counts_a_vector_for_each_question() -> None:
    """Twelve slots take twelve embeddings, and none where none is wanted."""
    leaves = [a_discipline("Physics")]
    calls = {found.stage: found.calls for found in estimate(leaves, Config(pairs=12, curation=WANTED), LOW, Known())}
    assert calls[Stage.EMBEDDINGS] == calls[Stage.QUESTIONS] == 12
    assert Stage.EMBEDDINGS not in {found.stage for found in estimate(leaves, Config(pairs=12), LOW, Known())}


async def test_vectors_are_asked_live_in_batch_mode(tmp_path: Path) -> None:
    """No vector waits for a batch, and its server need not take any."""
    live, known = Counting(small()), KnownSoFar(probes=False)
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        spool = Spool(Outbox(ledger), tmp_path / "files", Batch())
        teacher = Urgent(Deferring(spool, dict.fromkeys(Stage, Desk(small())), Budget(), known=known), live, known)
        assert (await teacher.reply(EMBED)).text
        assert (live.started.total(), spool.requests) == (1, 0)
        with pytest.raises(DeferredError):
            await teacher.reply(replace(EMBED, stage=Stage.ANSWERS))
        spool.discard_all()


async def test_an_offline_runner_is_given_no_vectors() -> None:
    """Its files have no place for them, and that is said before anything is written."""
    servers = dict.fromkeys(Stage, HttpBatches.__new__(HttpBatches))
    with pytest.raises(ConfigError, match="no place for embeddings"):
        await check_servers(config().stages, servers, asks=False)
    servers.pop(Stage.EMBEDDINGS)
    await check_servers(Config().stages, servers, asks=False)


async def test_a_check_tells_the_length_of_the_vectors(tmp_path: Path) -> None:
    """A check embeds the question of its pair once."""
    project = Project.create(tmp_path / "p", taxonomy="paper", disciplines=["Astronomy"])
    text = (project.folder / "glan.toml").read_text(encoding="utf-8")
    section = "[curation.embeddings]"
    before, after = text.split(section)
    path = project.folder / "glan.toml"
    path.write_text(before + section + after.replace("enabled = false", "enabled = true", 1), encoding="utf-8")
    teacher = Counting(small())
    report = await Check(Project.open(project.folder), Panel.of(teacher, "m"))(lambda _: False)
    assert report.pair is not None
    assert report.teachers[0].dimensions == 256
    assert [request.stage for request in teacher.requests].count(Stage.EMBEDDINGS) == 1
