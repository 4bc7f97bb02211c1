"""Models are examined: what they are asked, and what their answers come to. What imports torch is called late."""
