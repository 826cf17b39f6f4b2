"""The examples for operators and library users, run as they are written."""

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

LIBRARY = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "LIBRARY.md").read_text(), re.DOTALL)
MOCK = "http://127.0.0.1:8012"
PAGES = 3
PRODUCTS = len(SHOPS["dummyjson"].truth(1, 54))

# Like a notebook cell, an example may use `await` at the top level.
RUN_LIKE_A_CELL = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "LIBRARY.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
if code.co_flags & inspect.CO_COROUTINE:
    asyncio.run(eval(code, names))
else:
    exec(code, names)
print("products", names.get("products") and len(names["products"]))
"""


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
    """Each Python example of the page prints what its run against a mock must give."""
    (example,) = [block for block in LIBRARY if telling in block]
    assert printed in await run_example(example, tmp_path)
    assert len(list((tmp_path / "out").glob("s*.json"))) == 1


def test_no_library_example_is_left_out() -> None:
    """The page has exactly the examples that are run above and below."""
    assert len(LIBRARY) == 6


async def test_the_web_application_starts_a_run(tmp_path: Path) -> None:
    """A request to the example is answered at once, and the run ends with a complete summary."""
    (example,) = [block for block in LIBRARY if "app = Starlette(" in block]
    client = """
from starlette.testclient import TestClient
answer = TestClient(app).post("/refresh")
print(answer.status_code, answer.json())
"""
    printed = await run_example(example + client, tmp_path)
    assert printed.splitlines()[:2] == ["complete", "202 {'status': 'started'}"]


def test_the_example_that_builds_a_configuration_is_typed(tmp_path: Path) -> None:
    """mypy --strict accepts the configuration that is built in Python."""
    (example,) = [block for block in LIBRARY if "shop = Endpoint(" in block]
    (tmp_path / "example.py").write_text(example)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


async def test_the_nightly_example_completes_a_partial_run(tmp_path: Path) -> None:
    """The first nightly command exits with 3 if a page is missing, and the second fetches that page."""
    page = (ROOT / "docs" / "NIGHTLY.md").read_text()
    (block,) = re.findall(
        r"```sh\n(.*?--resume.*?)```", page.partition("## Exit codes")[2].partition("\n## ")[0], re.DOTALL
    )
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
