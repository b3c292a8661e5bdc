"""The structure of the code base: rules that import-linter's contracts in pyproject.toml do not state."""

from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ugbench", "ugatit", "baselines")
MOST_LINES = 320


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import between the project's modules, those inside functions and under TYPE_CHECKING too."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_no_two_modules_import_each_other(graph: grimp.ImportGraph) -> None:
    pairs = {
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if module < imported and module in graph.find_modules_directly_imported_by(imported)
    }
    assert pairs == set()


def test_no_chain_of_imports_leads_back_to_its_start(graph: grimp.ImportGraph) -> None:
    circles = {
        module: chain
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if (chain := graph.find_shortest_chain(imported, module))
    }
    assert circles == {}


def test_no_module_waits_for_the_python_api(graph: grimp.ImportGraph) -> None:
    assert graph.find_modules_that_directly_import("ugbench") == set()
    assert graph.find_modules_directly_imported_by("ugbench") > {"ugbench.api.run", "ugbench.api.training"}


@pytest.mark.parametrize("folder", [*PACKAGES, "benchmarks"])
def test_no_file_is_too_long_to_read_at_once(folder: str) -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in (ROOT / folder).rglob("*.py")
    }
    assert {file: length for file, length in lengths.items() if length > MOST_LINES} == {}
