"""Peer: Scrapy, a spider into a feed of JSON lines.

``python bench/peers/scrapy_spider.py OUTPUT RPS URL…``. RPS 0 is no limit; with ``5:auto`` AutoThrottle may go slower
than 5.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import JsonResponse
from shape import product_of


class Products(scrapy.Spider):
    """A spider that fetches pages until one is empty, or all at once if their number is announced."""

    name = "products"

    def __init__(self, urls: list[str]) -> None:
        super().__init__()
        self.urls = urls

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Yield the request for the first page of each endpoint."""
        for number, url in enumerate(self.urls, start=1):
            yield self.ask(f"api{number}", url, 1)

    def ask(self, name: str, url: str, page: int) -> scrapy.Request:
        """Return the request for one page."""
        return scrapy.Request(
            f"{url}?page={page}", cb_kwargs={"name": name, "url": url, "page": page}, dont_filter=True
        )

    def parse(self, response: JsonResponse, name: str, url: str, page: int) -> Iterator[Any]:
        """Yield the products of a page and the requests that follow from it."""
        body = response.json()
        for record in body["products"]:
            if product := product_of(name, record):
                yield product
        if "total_pages" not in body:
            if body["products"]:
                yield self.ask(name, url, page + 1)
        elif page == 1:
            for other in range(2, body["total_pages"] + 1):
                yield self.ask(name, url, other)


def main(output: str, rps: str, urls: list[str]) -> None:
    """Crawl all endpoints at once."""
    settings = {
        "FEEDS": {output: {"format": "jsonlines", "encoding": "utf-8", "overwrite": True}},
        "LOG_LEVEL": "ERROR",
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "DOWNLOAD_DELAY_JITTER": 0,
    }
    rate, _, throttle = rps.partition(":")
    if float(rate):
        settings |= {"DOWNLOAD_DELAY": 1 / float(rate), "AUTOTHROTTLE_ENABLED": throttle == "auto"}
    process = CrawlerProcess(settings)
    process.crawl(Products, urls=urls)
    process.start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
