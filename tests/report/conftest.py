"""The report on the made results, opened in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page
from report_pages import write_report


@pytest.fixture
def opened(results: Path, tmp_path: Path, page: Page) -> Page:
    page.goto(write_report(results, tmp_path / "report.html"))
    return page
