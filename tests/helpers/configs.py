"""Configurations for tests, loaded from a text, and their problems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.load import load_config
from pipeline.config.settings import Config
from pipeline.errors import ConfigError

ONE = "endpoints: [{name: shop, url: 'http://shop.test/products'}]\n"


def load(tmp_path: Path, text: str = ONE, *, env: Mapping[str, str] | None = None, **flags: str) -> Config:
    """Load a configuration from ``text`` as the file, and from flags with ``__`` for the dots."""
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    dotted = {key.replace("__", "."): value for key, value in flags.items()}
    return load_config(tmp_path / "config.yaml", flags=dotted, environ=env or {})


def problems(tmp_path: Path, text: str = ONE, **layers: Any) -> dict[str, str]:
    """Return the problems of an invalid configuration, by path."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **layers)
    return {problem.path: problem.text for problem in caught.value.problems}
