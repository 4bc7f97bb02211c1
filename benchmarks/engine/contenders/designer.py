"""NeMo Data Designer: the prompts as a seed data set, and one column of text that a model writes from it.

Not named as its package is, which it would hide. Its limits are set so that as many requests can be in flight as were
asked for; telemetry is off (see common.py), and so is the port on which it offers its metrics. Its rows are made in
groups of 1,000, three of them at once, as by default. It asks once more than it has prompts, to see whether the model
answers. After the run it counts the tokens of a sample, where tiktoken can load its vocabulary or finds it in
TIKTOKEN_CACHE_DIR; where it cannot, it warns, goes on, and is a little quicker.
"""

import tempfile

import common
import data_designer.config as dd
import pandas as pd
from data_designer.interface import DataDesigner


def _run(job: common.Job) -> list[object]:
    provider = dd.ModelProvider(name="server", endpoint=job.url, provider_type="openai", api_key=common.KEY)
    model = dd.ModelConfig(
        alias="model",
        model=common.MODEL,
        provider="server",
        inference_parameters=dd.ChatCompletionInferenceParams(
            max_parallel_requests=job.in_flight, max_tokens=common.MAX_TOKENS, timeout=common.TIMEOUT_S
        ),
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"question": job.texts})))
    builder.add_column(dd.LLMTextColumnConfig(name="answer", model_alias="model", prompt="{{ question }}"))
    with tempfile.TemporaryDirectory() as folder:
        designer = DataDesigner(artifact_path=folder, model_providers=[provider])
        designer.set_run_config(dd.RunConfig(max_in_flight_tasks=max(1_024, job.in_flight), otel_metrics_port=None))
        found = designer.create(builder, num_records=len(job.prompts))
        return list(found.load_dataset()["answer"])


if __name__ == "__main__":
    common.measure("data designer", "data-designer", _run)
