"""What the documents' tests need to know of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDS_DOCKER = "<!-- needs Docker -->"

_FENCED = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    code: str
    needs_docker: bool


def documents() -> list[Path]:
    """Every document of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    for match in _FENCED.finditer(document.read_text(encoding="utf-8")):
        yield Block(match["language"], match["code"], match["before"] == NEEDS_DOCKER)


def links(document: Path) -> list[str]:
    """The targets of its links."""
    return [match["target"] for match in _LINK.finditer(_prose(document))]


def anchors(document: Path) -> set[str]:
    """The fragments that lead to its headings, as GitHub makes them."""
    return {_slug(match["text"]) for match in _HEADING.finditer(_prose(document))}


def spans(document: Path) -> list[str]:
    """Its pieces of code within sentences."""
    return _SPAN.findall(_prose(document))


def _prose(document: Path) -> str:
    return _FENCED.sub(lambda match: match["before"], document.read_text(encoding="utf-8"))


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
