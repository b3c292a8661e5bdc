"""The command line, run inside the test's process. A bug of the program is raised, not turned into an exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from ugbench.cli.app import app


def invoke(*words: object, env: dict[str, str] | None = None, input: str | None = None) -> Result:
    """Run `ugbench WORDS` with this text on stdin; the result has exit_code, stdout and stderr."""
    texts = [str(word) for word in words]
    return CliRunner().invoke(app, texts, prog_name="ugbench", env=env, input=input, catch_exceptions=False)


def call(*words: object, code: int = 0, env: dict[str, str] | None = None) -> Result:
    """Run `ugbench WORDS`, which must end with this exit code and show no traceback."""
    result = invoke(*words, env=env)
    assert result.exit_code == code, result.stderr
    assert "Traceback" not in result.stderr
    return result


def call_json(*words: object) -> Any:
    """What `ugbench WORDS --json` prints."""
    return json.loads(call(*words, "--json").stdout)


def call_in(folder: Path, *words: object, code: int = 0) -> Result:
    """`call` on the CPU, with runs in FOLDER/results, data sets in FOLDER/datasets and features in FOLDER/cache."""
    place = ["--results", folder / "results", "--data-root", folder / "datasets", "--device", "cpu"]
    return call(*words, *place, code=code, env={"UGBENCH_CACHE": str(folder / "cache")})


def moved_copy(made: Path, home: Path) -> Path:
    """A copy of a folder that `call_in` has used, with a data set `cats` whose dataset.json says where it lies now."""
    shutil.copytree(made, home)
    file = home / "results" / "cats" / "dataset.json"
    file.write_text(file.read_text().replace(str(made), str(home)))
    return home
