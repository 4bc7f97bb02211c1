"""Models are examined: what they are asked, and what their answers come to."""
