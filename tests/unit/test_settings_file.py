"""glan.toml as editors leave it."""

from glan.config import parse_config


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does() -> None:
    """What Notepad saves is read like any other file."""
    assert parse_config("\ufeffpairs = 7\r\n\r\n[limits]\r\nrpm = 5\r\n", source="glan.toml") == parse_config(
        "pairs = 7\n[limits]\nrpm = 5\n", source="glan.toml"
    )
