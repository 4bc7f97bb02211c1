"""What is said of a server that counts no tokens, as small ones do: unknown is not nought."""

from pathlib import Path

from click.testing import CliRunner

import glan
from glan.cli import cli
from glan.cli.screen import tokens_told
from glan.records import Reply, Request
from glan.teachers.filler import Filler


class _Countless:
    """Filler of a server that tells neither its model nor its tokens."""

    model = "countless"

    async def reply(self, request: Request) -> Reply:
        said = await Filler().reply(request)
        return Reply(text=said.text, finish_reason=said.finish_reason)


def test_tokens_that_no_server_counted_are_unknown() -> None:
    """Calls without any count are told as such; a run without calls took no tokens for sure."""
    assert tokens_told(0, 0, None, calls=3) == "tokens unknown"
    assert tokens_told(0, 0, None, calls=0) == "0 prompt tokens, 0 reply tokens"
    assert tokens_told(200, 0, 50, calls=3) == "200 prompt tokens (25% cached), 0 reply tokens"


def test_status_and_ledger_say_that_tokens_are_unknown(tmp_path: Path) -> None:
    """After a run with such a server nobody reads of 0 tokens, of None, or of None+None."""
    project = glan.Project.create(tmp_path / "data", pairs=2, disciplines=["Astronomy"])
    assert project.run_sync(teacher=_Countless()).pairs == 2
    for command in (["status"], ["ledger", "list"]):
        shown = CliRunner().invoke(cli, [*command, "--project", str(tmp_path / "data")])
        assert shown.exit_code == 0
        assert "tokens unknown" in shown.output
        assert "0 prompt tokens" not in shown.output
        assert "None" not in shown.output
