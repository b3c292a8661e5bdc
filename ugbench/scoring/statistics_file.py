"""FID statistics as other tools write them: `mu` and `sigma` in an .npz file, of pytorch-fid or clean-fid."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ugbench.data.known_files import hash_files
from ugbench.errors import DataError
from ugbench.metrics._moments import Moments
from ugbench.scoring.references import StoredReferences
from ugbench.scoring.set_names import set_name

TOLERANCE = 1e-4  # of the largest variance: rounding of statistics that were computed in float32
TAKES = "give an .npz file with mu (d,) and sigma (d, d), as pytorch-fid and clean-fid write it"


def read(file: Path) -> StoredReferences:
    """Read the statistics. They say neither how the features were made nor of how many images they are.

    Raises:
        DataError: the file is damaged, holds something else, or `sigma` is no covariance.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in ("mu", "sigma")}
    except KeyError:
        raise DataError(f"{file}: it lacks mu or sigma; {TAKES}.") from None
    except (OSError, EOFError, ValueError, MemoryError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError):
        raise DataError(f"{file}: it is damaged, or holds more than plain arrays; {TAKES}.") from None
    mu, sigma = arrays["mu"], arrays["sigma"]
    if fault := _fault(mu, sigma):
        raise DataError(f"{file}: {fault}; {TAKES}.")
    (sha256,) = hash_files([file])
    statistics = Moments(mu.astype(np.float64), sigma.astype(np.float64))
    return StoredReferences(file, set_name(file.with_suffix(""), sha256), sha256, statistics=statistics)


def _fault(mu: NDArray[Any], sigma: NDArray[Any]) -> str | None:
    """What is wrong with statistics, as a clause; None if they can be used."""
    if mu.ndim != 1 or len(mu) == 0 or sigma.shape != (len(mu), len(mu)):
        return f"mu is {mu.shape} and sigma is {sigma.shape}"
    if mu.dtype.kind != "f" or sigma.dtype.kind != "f":
        return f"mu is {mu.dtype} and sigma is {sigma.dtype}, and both are numbers with a decimal point"
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        return "mu or sigma has a value that is NaN or infinite"
    tolerance = TOLERANCE * float(np.abs(np.diagonal(sigma)).max())
    if float(np.abs(sigma - sigma.T).max()) > tolerance:
        return "sigma is not symmetric, so it is no covariance"
    if np.linalg.eigvalsh(sigma.astype(np.float64))[0] < -tolerance:
        return "sigma has a negative eigenvalue, so it is no covariance"
    return None
