"""What the two tiny models have in common. It is read by the environments of both, so it needs nothing but Python."""

import math
import os
import threading

_TEXT = """
    tide moon river stone light number theory proof market price cell energy force wave field group music chord
    history treaty empire law court right duty value risk claim policy harbour vessel net catch season feed signal
    sensor motor path plan map graph tree root leaf seed soil rain cloud storm heat cold metal acid salt bond
    orbit planet star comet lens mirror angle circle line point set limit series sum product ratio rate change
    growth decay balance loss gain trade labour credit debt tax vote party state city road bridge wall roof
    voice story verse scene image colour shade form shape mass charge current circuit code loop stack
"""
WORDS = tuple(_TEXT.split())

SEED = 20_240_213
WIDTH, HEADS, INNER = 64, 4, 128
"""Of a state, of its heads, and of the layer between."""
CONSTANT = 8.0
"""The first number of every embedding, which nothing in the layers touches: it carries the biases to the logits."""
SCALE = math.sqrt((CONSTANT**2 + WIDTH) / WIDTH) / CONSTANT
"""A bias times this, as the first number of a token's row in the last matrix, is about the bias of its logit."""
NEVER = -20.0
"""The bias of a token that does not come, where a word's is 0."""

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def end_with_parent() -> None:
    """End this process when the one that started it is gone, however that ended: then its standard input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1_024):  # not sys.stdin, whose lock would be held when Python ends
        pass
    os._exit(0)
