"""What a study declares, and the runs that it expands to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ugbench.errors import UnknownName, UsageError
from ugbench.fit import FITS
from ugbench.published.studies import published_studies
from ugbench.study.grid import Arm, Study, arms, declare, overrides, read, study_runs

ROOT = Path(__file__).parents[2]


def study(**fields: Any) -> Study:
    return declare({"methods": ["ugatit"], "datasets": ["dial"], **fields}, "the test")


def test_every_method_meets_every_data_set_and_seed_first_seeds_first() -> None:
    runs = study_runs(study(methods=["ugatit", "cyclegan"], datasets=["x", "y"], seeds=[0, 1]))
    order = [(run.seed, run.dataset, run.arm.label) for run in runs]
    assert order == [(seed, data, label) for seed in (0, 1) for data in ("x", "y") for label in ("ugatit", "cyclegan")]
    assert {run.direction for run in runs} == {None}


def test_variants_are_arms_of_their_own_and_full_is_the_base() -> None:
    compared = arms(study(methods=["ugatit", "cyclegan"], variants={"ugatit": ["full", "no-cam"]}))
    assert compared == [Arm("ugatit", None), Arm("ugatit", "no-cam"), Arm("cyclegan", None)]


def test_an_arm_can_be_left_out_on_a_data_set() -> None:
    variants = {"ugatit": ["full", "in"]}
    without_in = study(datasets=["x", "y"], variants=variants, seeds=[0], without={"x": ["ugatit-in"]})
    assert [(run.dataset, run.arm.label) for run in study_runs(without_in)] == [
        ("x", "ugatit"),
        ("y", "ugatit"),
        ("y", "ugatit-in"),
    ]


def test_one_direction_of_an_arm_can_be_left_out_on_a_data_set() -> None:
    one_way = study(methods=["cut", "cyclegan"], datasets=["x", "y"], seeds=[0], without={"x": ["cut B2A"]})
    assert [(run.dataset, run.arm.label, run.direction) for run in study_runs(one_way)] == [
        ("x", "cut", "A2B"),
        ("x", "cyclegan", None),
        ("y", "cut", "A2B"),
        ("y", "cut", "B2A"),
        ("y", "cyclegan", None),
    ]
    with pytest.raises(UnknownName, match="'cyclegan B2A'"):  # one model translates in both directions
        study(methods=["cyclegan"], datasets=["x"], without={"x": ["cyclegan B2A"]})


def test_seeds_default_to_three() -> None:
    assert study().seeds == (0, 1, 2)


def test_fields_of_the_study_reach_every_arm_and_those_of_set_one_method() -> None:
    both = study(methods=["ugatit", "cyclegan"], steps=7, size=32, set={"ugatit": {"blocks": 2}})
    first, second = arms(both)
    assert overrides(both, first) == {"steps": 7, "size": 32, "blocks": 2}
    assert overrides(both, second) == {"steps": 7, "size": 32}


def test_a_toml_file_declares_the_same(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        'methods = ["ugatit", "cyclegan"]\ndatasets = ["dial"]\nseeds = 2\nsteps = 5\npreset = "smoke"\n'
        '[variants]\nugatit = ["full", "in"]\n[set.ugatit]\nlr = 1e-3\n',
        encoding="utf-8",
    )
    from_file = declare(read(file), str(file))
    assert from_file == study(
        methods=["ugatit", "cyclegan"],
        seeds=[0, 1],
        steps=5,
        preset="smoke",
        variants={"ugatit": ["full", "in"]},
        set={"ugatit": {"lr": 1e-3}},
    )
    assert from_file.id == declare(read(file), "elsewhere").id != study().id


def test_a_rectangle_is_a_text_or_two_numbers_and_a_square_one_number() -> None:
    fields = {"methods": ["cut"], "preset": "smoke"}
    rectangles = [study(**fields, size=size) for size in ("32x64", [32, 64], (32, 64))]
    assert {of.id for of in rectangles} == {rectangles[0].id} and rectangles[0].size == (32, 64)
    squares = [study(**fields, size=size) for size in (32, "32", "32x32", [32, 32])]
    assert {of.id for of in squares} == {squares[0].id} != {rectangles[0].id}
    for size in ("32x", [32], 0, 2**20):
        with pytest.raises(UsageError, match=r"^the test: size: .* was given; give px from 1 to 65,536"):
            study(**fields, size=size)
    with pytest.raises(UsageError, match="size: 32x30 was given; width and height are multiples of 4"):
        study(**fields, size="32x30")


EARLIER: list[tuple[dict[str, Any], str]] = [
    ({"methods": ("cyclegan",), "datasets": ("dial",)}, "f1bc0bcd8df1"),
    ({"methods": ("unit",), "datasets": ("dial:size=32",), "minutes": 2.5}, "0d3c4c6b547a"),
    (
        {
            "methods": ("ugatit", "cut"),
            "variants": {"ugatit": ("full", "no-cam")},
            "datasets": ("a", "b"),
            "seeds": (4, 7),
            "preset": "smoke",
            "steps": 30,
            "size": 32,
            "batch_size": 2,
            "set": {"cut": {"lr": 1e-3}},
            "without": {"b": ("cut",)},
        },
        "d5253432f129",
    ),
]


@pytest.mark.parametrize(("fields", "expected"), EARLIER)
def test_studies_of_earlier_versions_keep_their_id(fields: dict[str, Any], expected: str) -> None:
    assert Study(**fields).id == Study(**fields, fit="squash").id == expected
    assert len({Study(**fields, fit=fit).id for fit in FITS}) == 3


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"methods": ["ugatti"]}, UnknownName, "did you mean 'ugatit'"),
        ({"variants": {"ugatit": ["no-cm"]}}, UnknownName, "did you mean 'no-cam'"),
        ({"variants": {"cyclegan": ["full"]}}, UnknownName, "cyclegan"),
        ({"set": {"ugatit": {"lrr": 1}}}, UnknownName, "did you mean 'lr'"),
        ({"without": {"dail": ["ugatit"]}}, UnknownName, "did you mean 'dial'"),
        ({"without": {"dial": ["ugatit-in"]}}, UnknownName, "'ugatit-in'"),
        ({"without": {"dial": ["ugatit"]}}, UsageError, "without: no run is left on any data set"),
        ({"preset": "smok"}, UnknownName, "did you mean 'smoke'"),
        ({"step": 5}, UnknownName, "did you mean 'steps'"),
        ({"steps": 5, "minutes": 1}, UsageError, "exclude each other"),
        ({"seeds": [1, 1]}, UsageError, "has a value twice"),
        ({"steps": 0}, UsageError, "the test: steps"),
        (
            {"steps": 100, "set": {"ugatit": {"steps": 50}}},
            UsageError,
            "set: ugatit.steps is 50, and steps is 100 for all methods; give one of them",
        ),
        (
            {"size": "64x32", "set": {"ugatit": {"size": 32}}},
            UsageError,
            "ugatit.size is 32, and size is 64x32 for all",
        ),
        ({"batch_size": 2, "set": {"ugatit": {"batch_size": 4}}}, UsageError, "batch_size is 2 for all methods"),
        ({"fit": "pad", "set": {"ugatit": {"fit": "crop"}}}, UsageError, "ugatit.fit is crop, and fit is pad for all"),
        ({"minutes": 5, "set": {"ugatit": {"steps": 50}}}, UsageError, "steps is 50, and minutes is 5.0 for all"),
        ({"minutes": 5, "set": {"ugatit": {"epochs": 2}}}, UsageError, "epochs is 2, and minutes is 5.0 for all"),
        ({"steps": 5, "set": {"ugatit": {"epochs": 2}}}, UsageError, "steps is 5 and epochs is 2; give one of them"),
        ({"methods": []}, UsageError, "the test: methods"),
    ],
)
def test_what_cannot_be_is_named_in_a_sentence(fields: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        study(**fields)


def test_a_method_may_have_a_value_of_its_own_where_the_study_gives_none() -> None:
    own = study(methods=["ugatit", "cut"], size=32, set={"cut": {"steps": 50, "lr": 1e-3}})
    assert [overrides(own, arm) for arm in arms(own)] == [{"size": 32}, {"size": 32, "steps": 50, "lr": 1e-3}]


@pytest.mark.parametrize("file", [*published_studies().values(), *ROOT.glob("docs/reference/*/study.toml")])
def test_studies_that_come_with_the_package_are_declared(file: Path) -> None:
    assert study_runs(declare(read(file), str(file)))


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("methods = [", encoding="utf-8")
    with pytest.raises(UsageError, match=r"bad\.toml"):
        read(tmp_path / "bad.toml")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    with pytest.raises(UsageError, match=r"loop\.toml: is a link that leads to itself; name a TOML file"):
        read(tmp_path / "loop.toml")
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read"):
        read(tmp_path / "none.toml")
