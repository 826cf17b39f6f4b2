"""The engine of a run, as it is written."""

import importlib.util
from typing import Any

import pytest

import pipeline
from pipeline.config.engine import dask_address, engine_error, local_workers, processes_of
from pipeline.engine.opening import open_engine
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("processes", (True, None, None, None)),
        ("processes:4", (True, 4, None, None)),
        ("dask:local", (False, None, None, None)),
        ("dask:local:3", (False, None, None, 3)),
        ("dask://scheduler.example:8786", (False, None, "scheduler.example:8786", None)),
    ],
)
def test_every_form_is_understood(text: str, meaning: tuple[bool, int | None, str | None, int | None]) -> None:
    """Processes and Dask workers have a number; a scheduler has an address."""
    assert engine_error(text) is None
    assert (*processes_of(text), dask_address(text), local_workers(text)) == meaning


@pytest.mark.parametrize(
    "text", ["", "threads", "processes:0", "processes:", "dask", "dask://", "dask://u:p@h:1", "ray"]
)
def test_other_texts_are_refused_with_the_forms(text: str) -> None:
    """The error names the key, the text and what is expected."""
    with pytest.raises(ConfigError, match=r"engine: .* is not an engine; expected processes, processes:N, dask:local"):
        pipeline.load_config({"engine": text, "endpoints": [{"name": "a", "url": "http://shop.test"}]}, environ={})


def test_dask_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library, the error names the command that installs it; processes need nothing."""
    find_spec = importlib.util.find_spec

    def without_dask(name: str, *args: Any) -> Any:
        return None if name == "distributed" else find_spec(name, *args)

    monkeypatch.setattr("pipeline.engine.opening.find_spec", without_dask)
    assert open_engine("processes:3").workers == 3
    with pytest.raises(ConfigError, match=r"engine: needs distributed; .*catalogue-pipeline\[dask\]"):
        open_engine("dask:local")
