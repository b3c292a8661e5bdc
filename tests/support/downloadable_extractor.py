"""An extractor of another package whose file of weights is published on the server of file_server.py."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from file_server import FileServer, content
from safetensors.torch import save

from ugbench import registry

NAME = "tiny"
MODULE = '''"""Four filters over an image of 8 px: 4 numbers."""

from functools import partial

from torch import nn

from ugbench.download import RemoteFile
from ugbench.extractor import Extractor, FeatureNetwork
from ugbench.nn.image_transform import standardized


def build(tensors):
    return FeatureNetwork(nn.Conv2d(3, 4, 3), 8, "8 px", partial(standardized, size=8))


FILE = RemoteFile({address!r}, "tiny-file.safetensors", sha256={digits!r})
EXTRACTOR = Extractor(build, "the file of tiny", download=FILE)
'''


@dataclass(frozen=True)
class Published:
    """The published file of the extractor.

    Attributes:
        data: its bytes.
        server: serves it; a test may change the answer for `path`.
    """

    data: bytes
    server: FileServer
    path: str = "/tiny"

    @property
    def address(self) -> str:
        return self.server.address(self.path)


@pytest.fixture
def tiny(tmp_path: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    """The extractor is installed for this process, with its file on the server; caches of weights are empty."""
    random = torch.Generator().manual_seed(8)
    data = save({"weight": torch.randn(4, 3, 3, 3, generator=random), "bias": torch.zeros(4)})
    published = Published(data, file_server)
    file_server.serve(published.path, content(data))
    site = tmp_path / "site-packages"
    info = site / f"{NAME}-0.1.dist-info"
    info.mkdir(parents=True)
    digits = hashlib.sha256(data).hexdigest()[:8]
    (site / "tiny_extractor.py").write_text(MODULE.format(address=published.address, digits=digits))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[ugbench.extractors]\n{NAME} = tiny_extractor\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    registry.modules.cache_clear()
    yield published
    registry.modules.cache_clear()
    sys.modules.pop("tiny_extractor", None)
