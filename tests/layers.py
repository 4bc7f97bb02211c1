"""The layers of the package, which the architecture test holds and ARCHITECTURE.md draws."""

LAYERS: tuple[tuple[frozenset[str], ...], ...] = (
    (frozenset({"__main__"}),),
    (frozenset({"cli"}),),
    (frozenset({"api"}), frozenset({"check"}), frozenset({"push"}), frozenset({"scan"})),
    (frozenset({"runs"}),),
    (
        frozenset(
            {
                "against",
                "batched",
                "claims",
                "forecast",
                "options",
                "outputs",
                "preferences",
                "settled",
                "spending",
                "surprise",
            }
        ),
    ),
    (frozenset({"pipeline"}),),
    (frozenset({"meaning"}),),
    (frozenset({"fates"}), frozenset({"looks"}), frozenset({"polls"})),
    (
        frozenset({"generate"}),
        frozenset({"curate"}),
        frozenset({"dataset"}),
        frozenset({"growth", "estimate", "yields"}),
    ),
    (frozenset({"disk", "project"}),),
    (frozenset({"benchmarks"}), frozenset({"taxonomy"})),
    (frozenset({"plan"}),),
    (frozenset({"draws"}),),
    (frozenset({"sets"}),),
    (frozenset({"teachers"}),),
    (frozenset({"prompts"}),),
    (frozenset({"judgements"}),),
    (frozenset({"parsing"}),),
    (
        frozenset({"progress"}),
        frozenset({"streams"}),
        frozenset({"packing"}),
        frozenset({"vectors"}),
        frozenset({"names"}),
        frozenset({"mix"}),
    ),
    (frozenset({"config", "config_text"}), frozenset({"environment"})),
    (frozenset({"dataset_settings", "settings"}),),
    (frozenset({"language_names"}),),
    (frozenset({"errors"}),),
    (frozenset({"records"}),),
)
"""From top to bottom; rooms of one layer that stand in different sets never import each other."""
