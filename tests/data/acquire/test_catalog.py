from pathlib import Path, PurePosixPath

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
DOWNLOADED = [known for known in KNOWN if known.address]


def test_the_papers_five_are_known_with_the_papers_counts() -> None:
    counts = {known.name: known.images for known in KNOWN if known.images is not None}
    assert {name: tuple(images[split] for split in SPLITS) for name, images in counts.items()} == PAPER


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_each_names_its_page_its_licence_and_how_to_get_it(known: KnownDataSet) -> None:
    assert known.source.startswith("https://")
    assert known.licence
    assert known.layout
    assert known.how_to_get()
    if known.archive:  # its import is recognised without --name too
        assert recognise(PurePosixPath(known.archive).stem) == known


@pytest.mark.parametrize("known", DOWNLOADED, ids=lambda known: known.name)
def test_an_address_ends_with_the_archive_and_the_command_downloads_it(known: KnownDataSet) -> None:
    assert known.address.startswith("http") and known.address.endswith(f"/{known.archive}")
    assert known.command() == f"ugbench data get {known.name}"
    assert known.how_to_get(Path("my data")) == f"`ugbench data get {known.name} --data-root 'my data'` downloads it"


def test_the_collections_of_cyclegan_and_drit_have_addresses_and_others_say_how_to_get_them() -> None:
    assert {known.name for known in DOWNLOADED} == {
        *("horse2zebra", "cat2dog", "photo2portrait", "photo2vangogh", "apple2orange", "summer2winter_yosemite"),
        *("monet2photo", "cezanne2photo", "ukiyoe2photo", "maps", "facades", "iphone2dslr_flower", "ae_photos"),
    }
    selfies, cityscapes = find("selfie2anime"), find("cityscapes")
    assert selfies is not None and cityscapes is not None
    assert selfies.command(Path("x")) == "ugbench data import selfie2anime.zip --name selfie2anime --data-root x"
    assert cityscapes.command() == ""
    assert "`ugbench data import --a DIR --b DIR --name cityscapes`" in cityscapes.how_to_get()


def test_names_of_archives_are_recognised_whatever_their_case_and_others_are_not() -> None:
    assert recognise("Portrait") == recognise("photo2portrait") == find("photo2portrait")
    assert recognise("vangogh2photo") == find("photo2vangogh")
    assert recognise("Monet2Photo") == find("monet2photo")
    assert recognise("photo2monet") is None
    assert find("Cat2Dog") is None


def test_by_the_archives_name_a_data_set_is_found_without_the_papers_counts() -> None:
    portrait, paper = find("portrait"), find("photo2portrait")
    assert portrait is not None and paper is not None
    assert (portrait.name, portrait.address) == ("portrait", paper.address)
    assert portrait.images is None and portrait.note == ""
    assert portrait.command() == "ugbench data get portrait"
