"""docs/paths.md names modules that exist."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "paths.md"
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)`", PAGE.read_text("utf-8"))))


def test_the_page_names_modules() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", NAMED)
def test_named_module_can_be_imported(name: str) -> None:
    importlib.import_module("pillarbox." + name.replace("/", "."))
