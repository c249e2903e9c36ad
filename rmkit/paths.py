"""Where shipped data and cached files live."""

import os
from pathlib import Path


def data_folder() -> Path:
    """The data that ships with rmkit: the repository's data/, or the copy inside an installed wheel."""
    package = Path(__file__).resolve().parent
    repository = package.parent / "data"
    return repository if (package.parent / "pyproject.toml").is_file() else package / "shipped"


def cache_folder() -> Path:
    """Where converted models and frozen features are kept: $RMKIT_CACHE, or ~/.cache/rmkit."""
    folder = Path(os.environ.get("RMKIT_CACHE", Path.home() / ".cache" / "rmkit")).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
