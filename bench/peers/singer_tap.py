"""Peer: a Singer tap made with the Meltano SDK, its messages into a file.

``python bench/peers/singer_tap.py OUTPUT RPS URL…``. RPS is ignored: the SDK has no limiter. It requests one page and
one endpoint at a time, and retries refused requests.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from shape import product_of
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.pagination import PageNumberPaginator


class Products(RESTStream[int]):
    """The stream of one endpoint."""

    url_base = ""
    records_jsonpath = "$.products[*]"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("title", th.StringType),
        th.Property("source", th.StringType),
        th.Property("price", th.NumberType),
        th.Property("currency", th.StringType),
        th.Property("category", th.StringType),
    ).to_dict()

    def get_new_paginator(self) -> PageNumberPaginator:
        """Count pages from 1; the SDK ends at the first empty one."""
        return PageNumberPaginator(1)

    def get_url_params(self, context: Mapping[str, Any] | None, next_page_token: int | None) -> dict[str, Any]:  # noqa: ARG002
        """Return the page number as a query parameter."""
        return {"page": next_page_token}

    def post_process(self, row: dict[str, Any], context: Mapping[str, Any] | None = None) -> dict[str, Any] | None:  # noqa: ARG002
        """Return a record in the catalogue's shape; None drops it."""
        return product_of(self.name, row)


class Catalogue(Tap):
    """A tap with one stream per endpoint."""

    name = "tap-catalogue"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(th.Property("urls", th.ArrayType(th.StringType), required=True)).to_dict()

    def discover_streams(self) -> list[Products]:
        """Return one stream per URL."""
        urls = enumerate(self.config["urls"], start=1)
        return [Products(self, name=f"api{number}", path=url) for number, url in urls]


if __name__ == "__main__":
    output = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, sys.stdout.fileno())  # like `tap > OUTPUT` in a shell
    Catalogue(config={"urls": sys.argv[3:]}).sync_all()
