"""The commands in the documents: each runs, or has its test elsewhere."""

import re
import shlex
import sys
from pathlib import Path

import trio

from docs.documents import ROOT
from mockapi.serve import serving
from mockapi.settings import Settings

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Beginnings of commands that are not run here, with the test that runs them or the reason.
ELSEWHERE = {
    "python3 -m pip install -q --target .uv uv;": "the CI runs both",
    ".uv/bin/uv build": "tests/system/test_wheel.py builds it",
    "pip install 'dist/": "tests/system/test_image.py installs it with these extras",
    "pipeline init": "tests/docs/test_docs.py and tests/discovery run them",
    "pipeline preview": "tests/docs/test_docs.py and tests/discovery run them",
    "pipeline diff": "tests/cli/test_diff.py runs them",
    "pipeline schema": "tests/system/test_events.py and tests/config run them",
    "export DASK_": "tests/engine/test_existing_cluster.py runs a cluster; TLS was tried by hand",
    "dask ": "tests/engine/test_existing_cluster.py runs a cluster",
    "pipeline --engine dask://": "tests/engine/test_existing_cluster.py runs a cluster",
    "duckdb": "tests/servers/test_readers.py runs the query",
    "sqlite3": "test_the_queries_of_the_readme_work runs the query",
    "docker": "tests/system/test_image.py runs the steps of the image; an engine is not available everywhere",
    "find out": "tests/docs/test_deploy.py runs it in the script",
    "python -m mockapi": "tests/mockapi runs them",
}


def commands() -> list[tuple[str, str]]:
    """Return the page and the text of each command in a shell block, without its comment."""
    found: list[tuple[str, str]] = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            lines = [re.sub(r"\s+#.*", "", line) for line in block.replace("\\\n", " ").splitlines()]
            found += [(page.name, line) for line in lines if line and not line.startswith("#")]
    return found


RUN_HERE = [each for each in commands() if not each[1].startswith(tuple(ELSEWHERE))]


def test_every_command_is_known() -> None:
    """A command that is neither of the program nor on the list would not be tested; the list has no other entry."""
    assert [each for each in RUN_HERE if not each[1].startswith("pipeline ")] == []
    texts = [text for _, text in commands()]
    assert [start for start in ELSEWHERE if not any(text.startswith(start) for text in texts)] == []


async def test_every_command_of_the_program_runs(tmp_path: Path) -> None:
    """After a first run, each command ends with 0, whatever page it is on."""
    failed: dict[str, str] = {}
    async with serving(Settings(personas=("dummyjson",), ports=(0,), pages=2, rate_limit=1e4, burst=1000)) as urls:
        shop = f"{{name: shop, url: '{urls['dummyjson']}/products'}}"
        other = shop.replace("shop,", "other,")
        (tmp_path / "config").mkdir()
        for name, output in (("shops.yaml", "out/shops.json"), ("config/config.yaml", "out/summary.json")):
            (tmp_path / name).write_text(f"{{output: {output}, endpoints: [{shop}, {other}]}}")
            await trio.run_process([sys.executable, "-m", "pipeline", "-q", "-c", name], cwd=tmp_path)
        for command in sorted({command for _, command in RUN_HERE}):
            arguments = [sys.executable, "-m", *shlex.split(command)]
            done = await trio.run_process(
                arguments, cwd=tmp_path, capture_stdout=True, capture_stderr=True, check=False
            )
            if done.returncode:
                failed[command] = done.stderr.decode()
    assert failed == {}
