from pathlib import PurePosixPath

import pytest

from ugbench.data.acquire.catalog import KNOWN, KnownDataSet, find, recognise
from ugbench.data.splits import SPLITS

PAPER = {
    "selfie2anime": (3400, 3400, 100, 100),
    "horse2zebra": (1067, 1334, 120, 140),
    "cat2dog": (771, 1264, 100, 100),
    "photo2portrait": (6452, 1811, 751, 400),
    "photo2vangogh": (6287, 400, 751, 400),
}


def test_the_papers_five_are_known_with_the_papers_counts() -> None:
    assert {known.name: tuple(known.images[split] for split in SPLITS) for known in KNOWN} == PAPER


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_each_names_its_page_its_licence_and_the_command_that_imports_it(known: KnownDataSet) -> None:
    assert known.source.startswith("https://github.com/")
    assert known.licence
    assert known.layout
    assert known.command == f"ugbench data import {known.archive} --name {known.name}"
    # The import of that archive is recognised without --name too.
    assert recognise(PurePosixPath(known.archive).stem) == known


def test_names_of_archives_are_recognised_whatever_their_case_and_others_are_not() -> None:
    assert recognise("Portrait") == recognise("photo2portrait") == find("photo2portrait")
    assert recognise("vangogh2photo") == find("photo2vangogh")
    assert recognise("monet2photo") is None
    assert (find("portrait"), find("Cat2Dog")) == (None, None)
