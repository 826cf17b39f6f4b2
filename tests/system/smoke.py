"""The CI smoke run: the pipeline as a subprocess against Hypercorn mocks, with its output checked against the contract.

`just smoke` runs it. It prints one line per run, and exits with 1 if a run breaks the contract.
"""

import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

SUMMARY_KEYS = {
    "status",
    "total_products",
    "processing_time_seconds",
    "success_rate",
    "sources",
    "categories",
    "started_at",
}
SOURCE_KEYS = {
    "name",
    "status",
    "items_fetched",
    "products",
    "duplicates",
    "rejected",
    "pages_fetched",
    "pages_missing",
    "missing_from",
    "requests",
    "retries",
    "errors",
    "avg_price",
    "prices",
}
PRODUCT_KEYS = {"id", "title", "source", "price", "currency", "category", "processed_at"}
ERROR_KEYS = {"source", "page", "code", "error", "timestamp", "action"}
ACTIONS = {"retry", "skip", "circuit_break", "deadline", "stopped"}


def run(output: Path, *mock_flags: str) -> tuple[int, str, dict[str, Any]]:
    """Run the pipeline with its defaults, except for the mocks' ports and the output."""
    script = """if True:
        import os, sys
        urls = [f"--set=endpoints.{name}.url=" + os.environ[f"MOCKAPI_{name.upper()}_URL"] + "/products"
                for name in ("api1", "api2", "api3")]
        command = [sys.executable, "-m", "pipeline", "-o", sys.argv[1], *urls]
        os.execv(sys.executable, command)
    """
    command = ["-m", "mockapi", "--ports", "0", *mock_flags, "exec", "--", sys.executable, "-c", script, str(output)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120, check=False)
    document = json.loads(output.read_bytes(), parse_float=Decimal) if output.exists() else {}
    return done.returncode, done.stderr, document


def complaints(code: int, stderr: str, document: dict[str, Any]) -> list[str]:
    """Return the parts of the contract that the outcome of a healthy run breaks."""
    found = []

    def hold(promise: str, kept: bool) -> None:
        if not kept:
            found.append(promise)

    hold("exit code 0", code == 0)
    hold("no traceback", "Traceback" not in stderr)
    hold("summary, sources, products, errors", list(document) == ["summary", "sources", "products", "errors"])
    if found:
        return [*found, f"exit code was {code}, stderr: {stderr}"]
    head, sources, products = document["summary"], document["sources"], document["products"]
    hold("the summary's keys", head.keys() >= SUMMARY_KEYS and head["schema_version"] == 1)
    hold("complete", head["status"] == "complete" and head["success_rate"] == 1)
    hold("all products", head["total_products"] == len(products) == 3 * 7 * 20)
    hold("every endpoint in order", head["sources"] == [s["name"] for s in sources] == ["api1", "api2", "api3"])
    hold("categories add up", sum(head["categories"].values()) == len(products))
    hold("unique ids", len({product["id"] for product in products}) == len(products))
    for source in sources:
        own = [product for product in products if product["source"] == source["name"]]
        hold("a source's keys", source.keys() >= SOURCE_KEYS)
        hold("products by source", source["products"] == len(own) == 140)
        parts = source["products"] + source["duplicates"] + source["rejected"]
        hold("items_fetched adds up", source["items_fetched"] == parts)
        hold("least price", min(p["price"] for p in own) == min(range_["min"] for range_ in source["prices"].values()))
    for product in products:
        hold("a product's keys", product.keys() == PRODUCT_KEYS)
        hold("its id", product["id"].startswith(product["source"] + ":"))
        hold("an exact price", isinstance(product["price"], Decimal | int))
    for error in document["errors"]:
        hold("an error's keys", error.keys() >= ERROR_KEYS and error["action"] in ACTIONS)
    return sorted(set(found))


def main() -> int:
    """Run without faults, then with 10 % errors and a server that enforces its rate."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        scenes = {"no faults": (), "10 % errors, rate enforced": ("--error-rate", "0.1", "--rate-limit", "5")}
        catalogues = []
        for name, flags in scenes.items():
            code, stderr, document = run(Path(folder) / "summary.json", *flags)
            found = complaints(code, stderr, document)
            catalogues.append([{**product, "processed_at": None} for product in document.get("products", [])])
            retries = sum(source["retries"] for source in document.get("sources", []))
            print(f"smoke, {name}: {len(catalogues[-1])} products, {retries} retries, {found or 'contract kept'}")
            failed += bool(found)
        if catalogues[0] != catalogues[1]:
            print("smoke: the products differ between the runs")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
