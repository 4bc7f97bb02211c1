"""distilabel: `TextGeneration` with its client for OpenAI in a pipeline of two steps, each a process of its own.

A batch is asked for at once and waited for whole, so a batch is as large as requests are to be in flight. The extra
`distilabel[openai]` leaves out `requests`, without which the import fails. distilabel silences the log of httpx, but
today's OpenAI client logs each request as httpx2: silenced here too, as was meant.
"""

import logging
import tempfile

import common
from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def _run(job: common.Job) -> list[object]:
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        with Pipeline(name="benchmark", cache_dir=folder) as pipeline:
            load = LoadDataFromDicts(data=[{"instruction": text} for text in job.texts], batch_size=job.in_flight)
            llm = OpenAILLM(
                model=common.MODEL,
                base_url=job.url,
                api_key=common.KEY,
                max_retries=0,
                timeout=common.TIMEOUT_S,
                generation_kwargs={"max_new_tokens": common.MAX_TOKENS},
            )
            load >> TextGeneration(llm=llm, input_batch_size=job.in_flight)
        found = pipeline.run(use_cache=False)
        return list(found["default"]["train"]["generation"])


if __name__ == "__main__":
    common.measure("distilabel", "distilabel", _run, has_children=True)
