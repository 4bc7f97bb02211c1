"""A student in the making: where its files are, and whether what is asked for is what was begun there.

run.json                    what was asked for; a run that goes on is held to it
tokens-HASH.arrow           the pairs as tokens
checkpoints/checkpoint-N/   each with complete.json where it is whole
model/                      the student, once it is finished: weights, tokenizer, card, loss curve
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

import glan
from glan.disk import remove, replace
from glan.errors import TrainingError
from glan.train.conversations import Data
from glan.train.encoding import SHIPPED, template_of
from glan.train.recipes import Recipe

_FREE = ("log_every_steps", "checkpoint_every_steps", "keep_checkpoints", "pairs_per_device")
"""Settings that may change when a run goes on: they say how it is made, and not what."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is made in a folder."""

    base: str
    recipe: str
    """Its name."""
    settings: dict[str, Any]
    data: str
    sha256: str
    """Of the rows."""
    pairs: int
    held_out: int
    glan_version: str

    def differences(self, other: Self) -> dict[str, tuple[object, object]]:
        """Return what is not the same in another, by its name."""
        mine, theirs = self._told(), other._told()
        return {name: (mine.get(name), theirs.get(name)) for name in mine if mine.get(name) != theirs.get(name)}

    def _told(self) -> dict[str, object]:
        settings = {name: value for name, value in self.settings.items() if name not in _FREE}
        return {"base": self.base, "rows (sha256)": self.sha256, "pairs": self.pairs, "held_out": self.held_out} | {
            name: value for name, value in settings.items() if name not in {"base", "held_out"}
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A student that is to be tuned."""

    out: Path
    base: str
    recipe: Recipe
    recipe_name: str
    data: Data
    manifest: Mapping[str, Any] | None = None
    """What the data set says of itself, without what was spent; None for a file of others."""

    @property
    def asked(self) -> Asked:
        return Asked(
            base=str(Path(self.base).resolve()) if Path(self.base).exists() else self.base,
            recipe=self.recipe_name,
            settings=self.settings,
            data=str(self.data.path),
            sha256=self.data.sha256,
            pairs=self.data.trained,
            held_out=self.data.held_out,
            glan_version=glan.__version__,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe, with the hash of a chat template that is a file, and not where that is."""
        found: dict[str, Any] = msgspec.to_builtins(self.recipe)
        if self.recipe.chat_template not in SHIPPED:
            text = template_of(self.recipe.chat_template, None)
            found["chat_template"] = f"a file of SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"
        return found

    @property
    def run_path(self) -> Path:
        return self.out / "run.json"

    @property
    def checkpoints_path(self) -> Path:
        return self.out / "checkpoints"

    @property
    def model_path(self) -> Path:
        return self.out / "model"

    def tokens_path(self, *texts: str) -> Path:
        """Return where the tokens of these rows are, as a tokenizer and a template, given as texts, make them."""
        digest = hashlib.sha256("\0".join([self.data.sha256, str(self.recipe.max_tokens), *texts]).encode())
        return self.tokens_folder / f"{digest.hexdigest()[:16]}.arrow"

    @property
    def tokens_folder(self) -> Path:
        return self.out / "tokens"

    @property
    def is_done(self) -> bool:
        return self.model_path.is_dir()

    def goes_on(self) -> bool:
        """Tell whether this student is in the folder already, finished or not.

        Raises:
            TrainingError: another one is, or something else.

        """
        before = self._begun()
        if before is None:
            if self.out.exists() and any(self.out.iterdir()):
                raise TrainingError(
                    f"{self.out} is not empty, and no student is in it.", hint="Give another folder with --out."
                )
            return False
        different = before.differences(self.asked)
        if different:
            told = "; ".join(f"{name} was {old!r} and is {new!r}" for name, (old, new) in different.items())
            raise TrainingError(
                f"{self.out} has a student of another kind: {told}.",
                hint="Ask for the same, give another --out, or --restart to remove it and begin anew.",
            )
        return True

    def begin(self) -> None:
        """Write down what is made in the folder."""
        told = msgspec.json.format(msgspec.json.encode(self.asked))
        self.out.mkdir(parents=True, exist_ok=True)
        replace(self.run_path, told)
        self.tokens_folder.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Remove the student that is in the folder, whatever it is; anything else stays."""
        if not self.run_path.exists():
            return
        for path in (self.model_path, self.checkpoints_path, self.tokens_folder):
            remove(path)
        self.run_path.unlink(missing_ok=True)
        with suppress(OSError):
            self.out.rmdir()

    def _begun(self) -> Asked | None:
        try:
            return msgspec.json.decode(self.run_path.read_bytes(), type=Asked)
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise TrainingError(
                f"{self.out} cannot be a folder: a file stands in its way.", hint="Give another folder with --out."
            ) from error
        except (OSError, msgspec.DecodeError) as error:
            raise TrainingError(
                f"{self.run_path} cannot be read: {error}.", hint="Give another --out, or --restart to begin anew."
            ) from error
