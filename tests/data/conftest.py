"""A cache of its own and a file of short texts, for tests that prepare."""

import pytest

from tests.data.small_texts import lines


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    """Path of a file of short texts, about 90 KB."""
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(lines()))
    return path
