"""Links inside the documents lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, documents, links


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_internal_link_resolves(document: Path) -> None:
    assert [target for target in links(document) if not resolves(document, target)] == []


def test_a_link_to_nowhere_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading\n\n[a](page.md#one-heading) [b](gone.md) [c](#gone)\n", encoding="utf-8")
    assert [resolves(page, target) for target in links(page)] == [True, False, False]


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, pending = set(), [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        if page not in reached:
            reached.add(page)
            pending += [found for target in links(page) if (found := leads_to(page, target)).suffix == ".md"]
    assert set(documents()) <= reached


def resolves(document: Path, target: str) -> bool:
    if target.startswith(("https://", "http://")):
        return True
    found = leads_to(document, target)
    fragment = target.partition("#")[2]
    return found.exists() and (not fragment or fragment in anchors(found))


def leads_to(document: Path, target: str) -> Path:
    path = target.partition("#")[0]
    return (document.parent / path).resolve() if path and "://" not in target else document
