"""Replies in another language than asked, from the simulated server through the command line."""

from pathlib import Path

import pytest
from commandline import CommandLine, check_whole, ended_processes, manifest_of, set_in, simulated
from pyarrow.parquet import read_table

from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated

PAIRS = 40


@pytest.mark.parametrize("setting", ["reject", "keep"])
def test_replies_in_another_language(tmp_path: Path, setting: str) -> None:
    """Each is a reject with the language that was found, at either stage; or a row, where a person says so."""
    faults = {"wrong-language@questions": 0.2, "wrong-language@answers": 0.2}
    with simulated(Simulated(faults=faults), Filler(size=400)) as server, ended_processes():
        glan = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = glan.init("p", pairs=PAIRS)
        set_in(folder, "wrong_language", f'"{setting}"')
        ended = glan.run(folder)
        assert ended.code == 0, ended.words
        check_whole(folder, PAIRS)
        files = sorted((folder / "rejects").glob("*.parquet"))
        rejects = [row for path in files for row in read_table(path).to_pylist() if row["reason"] == "wrong language"]
        if setting == "keep":
            assert not rejects
            assert not any("language" in line for line in manifest_of(folder)["checked"])
            return
        assert "x wrong language (questions)" in ended.out
        assert "x wrong language (answers)" in ended.out
        assert {row["stage"] for row in rejects} == {"questions", "answers"}
        assert {row["detail"] for row in rejects} <= {"German", "Spanish", "Russian", "Chinese", "Arabic"}
        assert "Texts that are surely in another language than English." in manifest_of(folder)["checked"]
        rows = read_table(folder / "dataset" / "train" / "00000.parquet").to_pylist()
        texts = [message["content"] for row in rows for message in row["messages"]]
        assert not [text for text in texts if "river" not in text and not text.isascii()]
