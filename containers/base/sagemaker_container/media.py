"""Media types in Content-Type and Accept values."""

from __future__ import annotations


def parse(value: str) -> tuple[str, dict[str, str]]:
    """``text/csv; label_size=1`` -> ("text/csv", {"label_size": "1"}), all lower case."""
    name, *rest = value.lower().split(";")
    pairs = (item.partition("=") for item in rest if "=" in item)
    return name.strip(), {key.strip(): text.strip().strip('"') for key, _, text in pairs}
