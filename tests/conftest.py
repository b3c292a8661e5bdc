"""What all tests share: the data, one thread, and an environment without the developer's own settings."""

import os
import random
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

pytest_plugins = ("file_server", "made_fonts", "made_results", "made_weights")

DATA = "UGBENCH_TEST_DATA"
NO_SKIP = "UGBENCH_NO_SKIP"
_ROOT = os.environ.get(DATA)
_FORBID_SKIPS = os.environ.get(NO_SKIP) == "1" and _ROOT is not None


@pytest.fixture
def test_data() -> Path:
    """The folder of images, weights and golden values that some tests check against."""
    if _ROOT is None:
        pytest.skip(f"{DATA} is not set: it names a folder with data/, weights/ and golden/ in it")
    return Path(_ROOT)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that UGBENCH_CACHE names in the tests, so that none writes into the developer's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UGBENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> Iterator[None]:
    """Signals do what they do in a program that a person starts; nohup or a shell's & hand them on as ignored."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    """No setting of the developer's shell reaches the code, nor do weights that torch has stored; what is printed is
    plain and wide.
    """
    for name in os.environ:
        own = name.startswith("UGBENCH_") and name not in (DATA, NO_SKIP)
        if own or name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UGBENCH_CACHE", str(cache_folder))
    monkeypatch.setenv("TORCH_HOME", str(cache_folder / "torch"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def deterministic() -> Iterator[None]:
    """One thread, deterministic algorithms and torch's default generator seeded; put back afterwards."""
    import torch

    threads = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.use_deterministic_algorithms(before)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        # Chromium refuses to run as root in its sandbox, and containers run tests as root.
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of its own profile, 1280 x 800, in which an error on the console or in a script fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    errors: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def make_voting_home() -> Callable[..., Path]:
    """`make(folder, zebrafish=1, dugong=2)` fills a folder with `data` (six test images and two training images a
    domain, 32 px) and `results` with outputs A2B of other tools by these names, whose pixels follow from the numbers.
    """
    from commands import call

    def make(folder: Path, **seeds: int) -> Path:
        for split, count in (("testA", 6), ("testB", 6), ("trainA", 2), ("trainB", 2)):
            _noise(folder / "data" / split, count, split)
        for name, seed in seeds.items():
            _noise(folder / name, 6, f"outputs {seed}")
            words = ["import", folder / name, "--as", "external", "--name", name, "--direction", "A2B"]
            words += ["--dataset", folder / "data", "--results", folder / "results"]
            call(*words)
        return folder

    return make


def _noise(folder: Path, count: int, seed: str) -> None:
    folder.mkdir(parents=True)
    for place in range(count):
        pixels = random.Random(f"{seed} {place}").randbytes(8 * 8 * 3)
        Image.frombytes("RGB", (8, 8), pixels).resize((32, 32)).save(folder / f"walrus{place}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the data is at hand and UGBENCH_NO_SKIP is 1, a test that skips has failed."""
    report = yield
    if _FORBID_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself, which would hide its tests without a count."""
    report = yield
    if _FORBID_SKIPS and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was skipped, which {NO_SKIP}=1 forbids: {reason}"
