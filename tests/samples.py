"""Where the real samples lie, which may be used by tests but never copied into this repository."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[1].parent / "shared" / "samples"


def samples() -> Path:
    """The folder of samples beside the repository; skips the test where it is absent."""
    if not _FOLDER.is_dir():
        pytest.skip("../shared is absent")
    return _FOLDER
