"""The README's examples for operators and library users, run as they are written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from docs.documents import ROOT
from mockapi.faults import parse_fault
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS

README = (ROOT / "README.md").read_text()
MOCK = "http://127.0.0.1:8012"
PAGES = 3
PRODUCTS = len(SHOPS["dummyjson"].truth(1, 54))

# Like a notebook cell, an example may use `await` at the top level.
RUN_LIKE_A_CELL = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
if code.co_flags & inspect.CO_COROUTINE:
    asyncio.run(eval(code, names))
else:
    exec(code, names)
print("products", names.get("products") and len(names["products"]))
"""


def section(heading: str) -> str:
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(heading: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(heading), re.DOTALL)


LIBRARY = blocks("As a library", "python")


def mock(*faults: str) -> Settings:
    return Settings(
        personas=("dummyjson",),
        ports=(0,),
        pages=PAGES,
        rate_limit=1000.0,
        burst=1000,
        faults=tuple(map(parse_fault, faults)),
    )


async def run_example(example: str, folder: Path) -> str:
    """Return what the example prints, run in ``folder`` against a mock that its configuration names."""
    async with serving(mock()) as urls:
        (folder / "config").mkdir()
        (folder / "config" / "config.yaml").write_text(
            f"endpoints: [{{name: shop, url: '{urls['dummyjson']}/products'}}]"
        )
        done = await trio.run_process(
            [sys.executable, "-c", RUN_LIKE_A_CELL],
            stdin=example.replace(MOCK, urls["dummyjson"]).encode(),
            capture_stdout=True,
            cwd=folder,
        )
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("telling", "printed"),
    [
        ('flags={"timeout"', "complete [()]"),
        ("async def main():", "complete"),
        ("products = json.loads", f"products {PRODUCTS}"),
        ("shop = Endpoint(", f"{PRODUCTS} out/shop.csv"),
        ("async def watch(poll):", "['closed']"),
    ],
)
async def test_every_library_example_runs(telling: str, printed: str, tmp_path: Path) -> None:
    """Each Python example of the README prints what its run against a mock must give."""
    (example,) = [block for block in LIBRARY if telling in block]
    assert printed in await run_example(example, tmp_path)
    assert len(list((tmp_path / "out").glob("s*.json"))) == 1


def test_no_library_example_is_left_out() -> None:
    """The README has exactly the examples that are run above."""
    assert len(LIBRARY) == 5


def test_the_example_that_builds_a_configuration_is_typed(tmp_path: Path) -> None:
    """mypy --strict accepts the configuration that is built in Python."""
    (example,) = [block for block in LIBRARY if "shop = Endpoint(" in block]
    (tmp_path / "example.py").write_text(example)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


async def test_the_nightly_example_completes_a_partial_run(tmp_path: Path) -> None:
    """The first nightly command exits with 3 if a page is missing, and the second fetches that page."""
    (block,) = blocks("Run it every night", "sh")
    codes = []
    async with serving(mock("dummyjson:2:404x2")) as urls:
        (tmp_path / "shops.yaml").write_text(
            f"endpoints: [{{name: shop, url: '{urls['dummyjson']}/products'}}]\noutput: out/shops.json"
        )
        for line in block.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "pipeline"
            done = await trio.run_process(
                [sys.executable, "-m", "pipeline", *arguments],
                cwd=tmp_path,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            codes.append(done.returncode)
    assert codes == [3, 0]
