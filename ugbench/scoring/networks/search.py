"""Where files of weights are found that `--weights` does not name.

They are searched in this order: the folder that UGBENCH_WEIGHTS names, which may hold a file under its published name
or as NAME.pth or NAME.safetensors; the cache, where `ugbench weights get` stores them; and torch's cache of downloads,
where torchvision, torch-fidelity and lpips store the same files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from ugbench.data.known_files import KnownFiles, cache_folder, open_known_files
from ugbench.download import RemoteFile, fault
from ugbench.errors import DataError, UsageError
from ugbench.scoring.networks.sources import published_file

VARIABLE = "UGBENCH_WEIGHTS"


def weights_folder() -> Path:
    """The folder in which `ugbench weights get` stores files."""
    return cache_folder() / "weights"


def torch_folder() -> Path:
    """The folder in which torch.hub stores files: what `torch.hub.get_dir()` says, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def with_found(files: Mapping[str, Path], names: Collection[str], log: Callable[[str], None]) -> dict[str, Path]:
    """The given files, and those that are found for the other names; see `search`."""
    return search([name for name in names if name not in files], log) | dict(files)


def search(names: Collection[str], log: Callable[[str], None]) -> dict[str, Path]:
    """The files that are found for these names; a name without one is left out.

    A file is used only if its size and SHA-256 are those of the published file, as far as they are known.

    Args:
        names: as in `--weights NAME=FILE`; those of frozen networks of methods too.
        log: receives a sentence for each file that is there and not used.
    Raises:
        UsageError: UGBENCH_WEIGHTS names no folder.
        NotLoadable: a name is of an extractor that cannot be imported.
    """
    candidates = {name: [path for path in _places(name, published_file(name)) if _is_file(path)] for name in names}
    if not any(candidates.values()):
        return {}
    files: dict[str, Path] = {}
    with open_known_files() as known:
        for name, paths in candidates.items():
            for path in paths:
                reason = _why_not(path, published_file(name), known)
                if reason is None:
                    files[name] = path
                    break
                log(
                    f"{path} is not used for {name}: {reason}; replace or remove it, or name it by "
                    f"--weights {name}=FILE if it is meant."
                )
    return files


def _places(name: str, file: RemoteFile | None) -> Iterator[Path]:
    """Where a file for this name may be, in the order of the search."""
    folder = os.environ.get(VARIABLE)
    if folder:
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise UsageError(f"{VARIABLE}={folder}: there is no such folder; correct the variable or unset it.")
        names = [f"{name}.pth", f"{name}.safetensors"]
        yield from (path / item for item in dict.fromkeys([*([file.name] if file else []), *names]))
    if file is not None:
        yield weights_folder() / file.name
        yield torch_folder() / file.name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder above it may not be entered, such as that of another user
        return False


def _why_not(path: Path, file: RemoteFile | None, known: KnownFiles) -> str | None:
    """Why a file is not used, as a clause; None if it is."""
    try:
        return None if file is None else fault(path, file, known.sha256)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    except DataError:
        return "it cannot be read"
