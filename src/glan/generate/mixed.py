"""The mix of questions of a project, with prompts that say it."""

from glan.config import Config
from glan.errors import PromptError
from glan.mix import Mix, mix_of
from glan.prompts import SUFFIX, Prompts


def mix_for(config: Config, prompts: Prompts) -> Mix:
    """Return the mix that a project's settings name.

    Raises:
        ConfigError: it names what is not known.
        PromptError: the project's prompt is from before there was a mix, and would say nothing of it.

    """
    mix = mix_of(config.questions, config.seed)
    if len(config.languages) > 1 and prompts.leaves_out("write_question", "language"):
        raise PromptError(
            f"prompts/write_question{SUFFIX} has no {{{{ language }}}}, so `languages` in glan.toml would reach no "
            "question.",
            hint="`glan prompts --shipped write_question` shows the line that says it.",
        )
    needed = {
        "form": bool(mix.forms),
        "difficulty": bool(mix.difficulties),
        "constraint": any(form.constraint is not None for form in mix.forms),
    }
    for variable, is_needed in needed.items():
        if is_needed and prompts.leaves_out("write_question", variable):
            raise PromptError(
                f"prompts/write_question{SUFFIX} has no {{{{ {variable} }}}}, so [questions] in glan.toml would reach "
                "no question.",
                hint="`glan prompts --shipped write_question` shows the lines at its end that say it.",
            )
    return mix
