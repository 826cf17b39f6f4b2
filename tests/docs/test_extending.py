"""The examples of docs/EXTENDING.md, applied to a copy of the package as they are written, and used in runs."""

import csv
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from docs.documents import ROOT

EXTENDING = (ROOT / "docs" / "EXTENDING.md").read_text()
SECTIONS = ("A paging style", "An output format", "An authentication scheme", "A preset")

# A block of code with the paragraph before it.
STEP = re.compile(r"(?P<text>(?:^(?!```)[^\n]+\n)+)\n```(?P<language>\w+)\n(?P<code>.*?)```$", re.DOTALL | re.MULTILINE)

ARTICLES: list[dict[str, Any]] = [{"id": n, "name": f"Tab\there {n}", "price": f"{n}.50"} for n in range(1, 24)]


def steps(heading: str) -> Iterator[re.Match[str]]:
    """Yield the blocks of a section that are to be applied or used; the last is the configuration that uses them."""
    return STEP.finditer(EXTENDING.partition(f"\n## {heading}\n")[2].partition("\n## ")[0])


def apply(step: re.Match[str], root: Path) -> None:
    """Change the copy of the package in ``root`` as a step says; each place must be there exactly once."""
    text, code = step["text"], step["code"]
    place = root / re.findall(r"`(pipeline/[\w/]+\.\w+)`", text)[-1]
    if re.search(r"[Ww]rite the file", text):
        assert not place.exists()
        place.write_text(code)
        return
    source = place.read_text()
    if step["language"] == "diff":
        lines = code.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in lines)
    elif above := re.search(r"above `(.+?)`", text):
        old = f"\n\n\n{above[1]}("
        new = f"\n\n\n{code}{old[1:]}"
    else:
        assert "at the end of" in text
        old, new = source, f"{source}\n\n{code}"
    assert source.count(old) == 1, f"{place} has changed: {old}"
    place.write_text(source.replace(old, new))


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package to which all examples are applied."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for heading in SECTIONS:
        for step in list(steps(heading))[:-1]:
            apply(step, root)
    return root


class Api(BaseHTTPRequestHandler):
    """The APIs of all examples: `/products`, in slices if asked for, and `/api/v2/articles` with a cursor."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, Mapping[str, str]]]

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers)))
        query = dict(parse_qsl(urlsplit(self.path).query))
        if self.path.startswith("/products"):
            body: Any = ARTICLES[int(query.get("_start", 0)) : int(query.get("_end", len(ARTICLES)))]
        else:
            after = int(query.get("after", 0))
            body = {
                "articles": [
                    {"articleNumber": n, "label": f"No. {n}", "grossPrice": {"cents": n, "currency": "EUR"}}
                    for n in range(after + 1, min(after + 10, 23) + 1)
                ],
                "page": {"next": str(after + 10) if after + 10 < 23 else None},
            }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Total-Count", str(len(ARTICLES)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Log nothing."""


@contextmanager
def api() -> Iterator[tuple[str, list[tuple[str, Mapping[str, str]]]]]:
    """Serve the APIs; yield the URL and the list of requests: paths and headers."""
    handler = type("_Api", (Api,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.seen  # type: ignore[attr-defined]  # ours
        finally:
            server.shutdown()
            thread.join()


def use(heading: str, root: Path, url: str, **environ: str) -> dict[str, Any]:
    """Run the extended package on the last block of a section, and return the summary."""
    *_, step = steps(heading)
    assert step["text"] == "Use it:\n"
    shutil.rmtree(root / "out", ignore_errors=True)
    (root / "shops.yaml").write_text(step["code"].replace("https://shop.example", url))
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "-c", "shops.yaml", "-r", "0"],
        cwd=root,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    summary: dict[str, Any] = json.loads((root / "out" / "summary.json").read_text())
    assert summary["summary"]["total_products"] == len(ARTICLES)
    return summary


def test_each_section_has_an_example_and_its_use() -> None:
    """Each section has something to apply, then a configuration that uses it."""
    for heading in SECTIONS:
        *applied, used = steps(heading)
        assert applied, heading
        assert used["language"] == "yaml"


def test_the_paging_style_reads_everything(extended: Path) -> None:
    """The described style requests slices, and stops at the announced total."""
    with api() as (url, seen):
        summary = use("A paging style", extended, url)
    slices = {f"/products?_start={start}&_end={start + 10}" for start in (0, 10, 20)}
    # A request ahead may leave before the first page announces the total.
    assert slices <= {path for path, _ in seen} <= slices | {"/products?_start=30&_end=40"}
    assert summary["sources"][0]["pages_fetched"] == 3


def test_the_output_format_has_every_product(extended: Path) -> None:
    """The file has a header and a line per product, and a tab in a title is no separator."""
    with api() as (url, _):
        use("An output format", extended, url)
    with (extended / "out" / "products.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [(row["id"], row["title"], row["price"]) for row in rows] == [
        (f"shop:{a['id']}", a["name"].replace("\t", " "), a["price"]) for a in ARTICLES
    ]


def test_the_scheme_signs_each_request(extended: Path) -> None:
    """Every request has the signature of its own path and query, and the secret is in no file."""
    with api() as (url, seen):
        use("An authentication scheme", extended, url, SHOP_SECRET="5ecret-of-shop")
    assert seen
    for path, headers in seen:
        assert headers["X-Signature"] == hmac.digest(b"5ecret-of-shop", path.encode(), "sha256").hex()
        assert headers["X-Key-Id"] == "catalogue"
    assert all("5ecret" not in file.read_text() for file in (extended / "out").iterdir() if file.is_file())


def test_the_preset_reads_its_api_from_the_host_alone(extended: Path) -> None:
    """With the preset the host is enough: path, key, records, cursor, prices and currency come from the file."""
    with api() as (url, seen):
        summary = use("A preset", extended, url, EXAMPLE_SHOP_KEY="key-of-shop")
    assert [path for path, _ in seen] == [f"/api/v2/articles{query}" for query in ("", "?after=10", "?after=20")]
    assert {headers["X-Example-Key"] for _, headers in seen} == {"key-of-shop"}
    assert summary["sources"][0]["prices"]["EUR"]["max"] == 0.23


def test_the_examples_follow_the_rules_of_the_code(extended: Path) -> None:
    """Formatter and linter accept the package with the examples in it."""
    settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *settings, "pipeline"],
            cwd=extended,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
