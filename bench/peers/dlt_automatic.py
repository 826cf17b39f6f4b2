"""Peer: dlt's REST client, which finds records and paging by itself if nothing describes them.

``python bench/peers/dlt_automatic.py OUTPUT URL``; OUTPUT receives one record a line.
"""

import json
import sys
from pathlib import Path

from dlt.sources.helpers.rest_client import RESTClient


def main(output: str, url: str) -> None:
    """Write the records of all pages."""
    client = RESTClient(base_url=url)
    with Path(output).open("w") as file:
        for page in client.paginate(url):
            file.writelines(json.dumps(record) + "\n" for record in page)


if __name__ == "__main__":
    main(*sys.argv[1:])
