"""`db.json` for json-server, whose top-level keys become resources; prices are JSON numbers."""

import json
import os
from pathlib import Path

from servers.catalogue import make_catalogue


def fill(path: str) -> None:
    """Write the catalogue; ids are text, as in the documentation's example."""
    products = [
        {
            "id": str(each.id),
            "title": each.title,
            "price": float(each.price),
            "currency": each.currency,
            "category": each.category,
        }
        for each in make_catalogue()
    ]
    Path(path).write_text(json.dumps({"products": products}, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    fill(os.environ["SERVER_DATABASE"])
