"""Peer: dlt, its REST API source into files of JSON lines.

``python bench/peers/dlt_rest_api.py OUTPUT RPS URL…``; OUTPUT is a folder. RPS is ignored: dlt has no limiter. It
requests one page of an endpoint at a time, and retries refused requests.
"""

import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source
from shape import product_of

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}
PAGINATOR = {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True}


def resource(name: str, url: str) -> dict[str, Any]:
    """Return the resource of one endpoint; all of them fill one table."""
    return {
        "name": name,
        "table_name": "products",
        "write_disposition": "append",
        "columns": {"currency": {"data_type": "text", "nullable": True}},
        "parallelized": True,
        "endpoint": {"path": url, "data_selector": "products"},
        "processing_steps": [{"map": partial(product_of, name)}, {"filter": lambda product: product is not None}],
    }


def main(output: str, urls: list[str]) -> None:
    """Extract, normalize and load all endpoints."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(SETTINGS, DLT_DATA_DIR=folder)
        source = rest_api_source(
            {
                "client": {"base_url": urls[0], "paginator": PAGINATOR},
                "resources": [resource(f"api{number}", url) for number, url in enumerate(urls, start=1)],
            }
        )
        destination = dlt.destinations.filesystem(bucket_url=Path(output).absolute().as_uri())
        pipeline = dlt.pipeline("catalogue", destination=destination, dataset_name="catalogue", pipelines_dir=folder)
        pipeline.run(source, loader_file_format="jsonl")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3:])
