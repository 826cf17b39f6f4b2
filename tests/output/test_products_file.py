"""The products file has the products of the summary and changes with it; errors are found before fetching."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from operator import length_hint
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from click.testing import CliRunner
from helpers.products_files import FORMATS, a_catalogue, catalogue_of, ids, of_lines, pages
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, FakeApi, client, config, dispatch_inline, ok
from hypothesis import given

import pipeline
from pipeline.cli import main
from pipeline.config.endpoint import Endpoint
from pipeline.config.settings import Config
from pipeline.config.source import Fields
from pipeline.errors import ConfigError, OutputError
from pipeline.model.status import Poll
from pipeline.output import files
from pipeline.output.files import OutputFiles
from pipeline.output.formats.product_formats import writer_for


async def run(path: Path, api: FakeApi, *, timeout: float = 60.0, **options: Any) -> pipeline.Summary:
    settings = config(path.parent / "s.json", "shop", products=str(path), rate_limit=NO_LIMIT, timeout=timeout)
    return await run_pipeline(settings, connect=lambda _: client(api), dispatch=dispatch_inline, **options)


def in_summary(folder: Path) -> list[bytes]:
    document = msgspec.json.decode((folder / "s.json").read_bytes(), type=dict[str, msgspec.Raw])
    return [bytes(product) for product in msgspec.json.decode(document["products"], type=list[msgspec.Raw])]


def ids_in_summary(folder: Path) -> list[str]:
    return [product["id"] for product in of_lines(b"\n".join(in_summary(folder)))]


@given(pages)
def test_lines_are_those_of_the_summary(records: Any) -> None:
    """JSON Lines has each product byte for byte as in the summary."""
    catalogue, products = catalogue_of(records)
    content = b"".join(writer_for(Path("p.jsonl"))(catalogue, ()))
    assert content == b"".join(line + b"\n" for page in products for line in page.split(b"\n"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_that_the_configuration_allows_has_a_writer(suffix: str) -> None:
    """The writer that the configuration names can be imported and writes a file, even without products."""
    assert b"".join(writer_for(Path(f"p.{suffix}"))(a_catalogue(), ())).strip() or suffix == "jsonl"


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_products_are_read_as_they_are_written(suffix: str) -> None:
    """Products are read page by page: none before the previous page is written."""
    catalogue, products = catalogue_of([[("a", "1", None)], [("b", "2", None)], [("c", "3", None)]])
    waiting = iter(products)
    chunks = writer_for(Path(f"p.{suffix}"))(msgspec.structs.replace(catalogue, products=lambda: waiting), ())
    if suffix == "csv":
        assert next(chunks).startswith(b"id,")
    for left in (2, 1, 0):
        assert next(chunks)
        assert length_hint(waiting) == left


@pytest.mark.virtual_time
@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_products_are_those_of_the_summary(tmp_path: Path, suffix: str) -> None:
    """The file has the products of the summary in the same order, without duplicates; the result names it."""
    path = tmp_path / "deep" / f"p.{suffix}"
    twice = {2: [ok([{"id": 1, "price": "1.50"}, {"id": 2}, {"id": 1}])], 4: [ok([{"id": 3}, {"id": 2}])]}
    summary = await run(path, FakeApi(pages=5, script=twice))
    assert summary.products == path
    assert ids(path) == ids_in_summary(path.parent)
    assert len(ids(path)) == 9 + 3
    if suffix == "jsonl":
        assert path.read_bytes() == b"".join(line + b"\n" for line in in_summary(path.parent))


@pytest.mark.virtual_time
@pytest.mark.parametrize("suffix", FORMATS)
async def test_a_run_that_is_cut_off_writes_what_it_has_and_the_resumed_one_all(tmp_path: Path, suffix: str) -> None:
    """A run that ends early by deadline or signal writes what it has, and resuming completes it."""
    path = tmp_path / f"p.{suffix}"
    await run(path, FakeApi(pages=6, latency=1), timeout=3.5)
    assert len(ids(path)) == 9

    async def stop(poll: Poll) -> None:
        await trio.sleep(2.5)
        signal.raise_signal(signal.SIGTERM)

    stopped = await run(path, FakeApi(pages=6, latency=1), watch=stop, signals=(signal.SIGTERM,))
    assert stopped.stopped_by == signal.SIGTERM
    assert ids(path) == ids_in_summary(tmp_path)
    assert 6 <= len(ids(path)) < 18
    await run(path, FakeApi(pages=6), resume=True)
    assert ids(path) == ids_in_summary(tmp_path)
    assert len(ids(path)) == 18


@pytest.mark.virtual_time
@pytest.mark.parametrize("suffix", FORMATS)
async def test_what_cannot_be_written_leaves_the_old_files(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the products cannot be written, the old files stay, no other file is left, and the journal is complete."""
    path = tmp_path / f"p.{suffix}"
    for old in (path, tmp_path / "s.json"):
        old.write_text("old")
    write = writer_for(path)

    def full(*arguments: Any) -> Iterator[bytes]:
        yield next(write(*arguments))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "writer_for", lambda _: full)
        with pytest.raises(OutputError, match=f"p\\.{suffix}.*No space left"):
            await run(path, FakeApi())
    assert [old.read_text() for old in (path, tmp_path / "s.json")] == ["old", "old"]
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "s.journal", "s.json"]
    await run(path, FakeApi(pages=0), resume=True)
    assert len(ids(path)) == 9


@pytest.mark.virtual_time
async def test_nothing_is_moved_before_all_is_written_and_the_summary_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that sees the new summary sees its products."""
    done: list[str] = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.parent == tmp_path:
            done.append(f"{target.name}, {len(list(tmp_path.glob('.*.tmp')))} aside")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    await run(tmp_path / "p.csv", FakeApi())
    assert done == ["p.csv, 2 aside", "s.json, 1 aside"]


@pytest.mark.virtual_time
async def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Temporary files of the products are removed like those of the summary."""
    (tmp_path / ".p.csv.0badcafe.tmp").write_text("half")
    await run(tmp_path / "p.csv", FakeApi())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["p.csv", "s.json"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("s.rejects.jsonl", "in the way of"),
        ("s.jsonl", "in the way of"),
        ("x/../s.jsonl", "in the way of"),
        ("link/s.jsonl", "in the way of"),
        ("s.journal/p.csv", "in the way of"),
        ("folder.csv", "not a regular file"),
        ("file/p.csv", "cannot write"),
        ("a\0b.csv", "cannot write"),
        (f"{'x' * 300}.csv", "cannot write"),
    ],
)
async def test_an_impossible_place_is_found_before_fetching(tmp_path: Path, name: str, problem: str) -> None:
    """A path that cannot be written or that the run itself needs is reported with its key and flag."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    before = sorted(tmp_path.iterdir())
    api = FakeApi()
    settings = config(tmp_path / "s.jsonl", "shop", products=str(tmp_path / name))
    with pytest.raises(ConfigError, match=problem) as caught:
        await run_pipeline(settings, connect=lambda _: client(api))
    (told,) = caught.value.problems
    assert told.path == "products"
    assert told.text.endswith("name another place with --products")
    assert api.asked == []
    assert sorted(tmp_path.iterdir()) == before


async def test_what_parquet_needs_is_named_before_fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the extra is not installed, the error says how to install it; other formats do not need it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pipeline.output.formats.parquet_products", raising=False)
    monkeypatch.delattr(sys.modules["pipeline.output.formats"], "parquet_products", raising=False)
    api = FakeApi()
    with pytest.raises(
        ConfigError,
        match=r"products: .*p\.parquet cannot be written: .*pyarrow.*'catalogue-pipeline\[parquet\]'",
    ):
        await run(tmp_path / "p.parquet", api)
    assert api.asked == []
    assert list(tmp_path.iterdir()) == []
    await run(tmp_path / "p.csv", api)


def test_pyarrow_is_not_imported_without_need() -> None:
    """pyarrow is imported only for Parquet."""
    script = "import sys, pipeline.cli; print([name for name in sys.modules if name.startswith('pyarrow')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_replay_writes_them_anew(tmp_path: Path, suffix: str) -> None:
    """A replay writes the products file from the summary, with or without new products."""
    path = tmp_path / f"p.{suffix}"
    trio.run(lambda: run(path, FakeApi(pages=1, script={1: [ok([{"id": 1}, {"ref": 2}])]})))
    rejects = tmp_path / "s.rejects.jsonl"
    rejects.write_text(rejects.read_text().replace('"ref"', '"id"'))
    endpoints = "endpoints=[{name: shop, url: 'http://shop.test/'}]"
    arguments = ["replay-rejects", "-o", str(tmp_path / "s.json"), "--set", endpoints, "--products", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output.splitlines()[1]) == (0, f"products → {path}")
    assert ids(path) == ids_in_summary(tmp_path) == ["shop:1", "shop:2"]
    before = (tmp_path / "s.json").read_bytes()
    path.unlink()
    result = CliRunner().invoke(main, arguments)
    assert result.output.splitlines()[1] == f"products → {path}"
    assert ids(path) == ["shop:1", "shop:2"]
    assert (tmp_path / "s.json").read_bytes() == before
    blocked = CliRunner().invoke(main, [*arguments, "--products", str(rejects)])
    assert (blocked.exit_code, "in the way of" in blocked.stderr) == (2, True)


def test_further_fields_are_those_of_all_endpoints() -> None:
    """Each extra name is listed once, in the order of the configuration, regardless of which endpoints answered."""
    endpoints = [
        Endpoint(name=name, url=f"http://{name}.test/", fields=Fields(extra=dict.fromkeys(extra, "x")))
        for name, extra in {"a": ["brand", "size"], "b": [], "c": ["weight", "brand"]}.items()
    ]
    asked_for = OutputFiles.of(Config(products="p.csv", endpoints=tuple(endpoints)), "run")
    assert (asked_for.products, asked_for.extra) == (Path("p.csv"), ("brand", "size", "weight"))
    assert OutputFiles.of(Config(), "run").products is None
