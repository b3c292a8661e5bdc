"""`import ugbench` is quick, and its names are those of the documentation."""

import inspect
import json
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

import ugbench

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "numpy", "scipy", "PIL", "pydantic", "IPython"}


def imported_after(code: str) -> set[str]:
    """The top-level packages that are imported after some code ran in a process of its own."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted({{n.partition('.')[0] for n in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout))


def test_importing_loads_nothing_heavy() -> None:
    assert imported_after("import ugbench\ndir(ugbench)\nugbench.UgbenchError") & HEAVY == set()


def test_the_check_sees_what_a_name_loads() -> None:
    assert "PIL" in imported_after("import ugbench\nugbench.Run")


def test_listing_runs_loads_no_network_and_no_pandas(tmp_path: Path) -> None:
    loaded = imported_after(f"import ugbench\nassert ugbench.list_runs({str(tmp_path)!r}) == []")
    assert loaded & {"torch", "pandas", "matplotlib"} == set()


@pytest.mark.parametrize("name", ugbench.__all__)
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(ugbench, name)
    assert name in dir(ugbench)
    if name != "__version__":
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        ugbench.trian  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_that_of_the_package() -> None:
    assert f'version = "{ugbench.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "ugbench" / "py.typed").is_file()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (
            "train",
            "method, dataset, preset, variant, steps, size, batch_size, seed, direction, device, precision, results, "
            "data_root, set",
        ),
        ("evaluate", "fake, real, metrics, extractor, weights, device"),
        ("kid", "fake, real"),
        ("fid", "fake, real"),
        ("lpips", "fake, real"),
        ("table", "results"),
        ("list_runs", "results"),
        ("load_run", "id_or_path, results"),
        ("figure", "name, results"),
        (
            "compare",
            "methods, dataset, study, seeds, steps, minutes, preset, size, fit, batch_size, set, jobs, skip_bad, "
            "deterministic, compile, capture, metrics, extractor, weights, lpips_net, protocol, device, precision, "
            "results, data_root, dry_run",
        ),
        (
            "ablate",
            "method, dataset, variants, seeds, steps, preset, size, fit, batch_size, set, jobs, skip_bad, "
            "deterministic, compile, capture, metrics, extractor, weights, lpips_net, protocol, device, precision, "
            "results, data_root, dry_run",
        ),
        ("Run.translate", "images, direction, attention, keep_size, native_size, samples, seed, style"),
        ("Run.evaluate", "metrics"),
    ],
)
def test_functions_keep_the_arguments_that_scripts_rely_on(function: str, arguments: str) -> None:
    parameters = inspect.signature(attrgetter(function)(ugbench)).parameters
    wanted = arguments.split(", ")
    assert [name for name in parameters if name in wanted] == wanted
    assert parameters.get("direction") is None or parameters["direction"].default in (None, "A2B")
