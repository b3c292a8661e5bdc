"""Titles of methods are read from their source; nothing in it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ugbench import registry
from ugbench.method_source import MethodTitles, method_titles

TitlesOf = Callable[[str], MethodTitles]

SOURCE = """
raise SystemExit("this module was run")

class Config(MethodConfig):
    size: int = 32

class Acme(Translator):
    title: ClassVar[str] = "Acme-GAN"
    variant_titles = {"big": "Acme-GAN XL"}
"""


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    method_titles.cache_clear()


@pytest.fixture
def titles_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TitlesOf]:
    """titles_of(source): the titles of a method `acme` of another distribution with this source."""

    def read(source: str) -> MethodTitles:
        (tmp_path / "acme_gan.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(registry, "modules", lambda _group: {"acme": "acme_gan"})
        method_titles.cache_clear()
        return method_titles("acme")

    yield read
    method_titles.cache_clear()


def test_a_method_of_another_distribution_has_its_titles_without_being_imported(titles_of: TitlesOf) -> None:
    assert titles_of(SOURCE) == MethodTitles("Acme-GAN", {"big": "Acme-GAN XL"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"Acme-GAN"\n', "NAME\n", MethodTitles("acme", {"big": "Acme-GAN XL"})),
        ('"Acme-GAN"\n', '""\n', MethodTitles("acme", {"big": "Acme-GAN XL"})),
        ('{"big": "Acme-GAN XL"}', "titles()", MethodTitles("Acme-GAN")),
        ('{"big": "Acme-GAN XL"}', '{"big": 3}', MethodTitles("Acme-GAN")),
        ("class Config(MethodConfig):", 'class Config(MethodConfig):\n    title = "x"', MethodTitles("acme")),
        ("class Acme", "klass Acme", MethodTitles("acme")),
    ],
)
def test_what_is_not_written_out_counts_as_missing(
    titles_of: TitlesOf, old: str, new: str, expected: MethodTitles
) -> None:
    assert old in SOURCE
    assert titles_of(SOURCE.replace(old, new)) == expected


def test_a_name_that_is_not_registered_is_its_own_title() -> None:
    assert method_titles("no such method") == MethodTitles("no such method")
