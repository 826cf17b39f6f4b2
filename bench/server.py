"""Serve pre-rendered pages over HTTP/1.1 with minimal work, so that the server is not the bottleneck.

``python bench/server.py PAGES RECORDS [DATA]`` prints its port and serves until it is terminated.
"""

import json
import re
import sys
from contextlib import suppress
from functools import partial

import trio
from data import DATA

_PAGE = re.compile(rb"^GET [^ ]*[?&]page=(\d+)")


def render(pages: int, records: int, data: str) -> list[bytes]:
    """Return the complete response to each page, by number. Page 0 is unused; the page after the last is empty."""
    page_of = DATA[data]
    answers = [b""]
    for page in range(1, pages + 2):
        items = page_of(page, records) if page <= pages else []
        body = json.dumps({"products": items}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        answers.append(head.encode() + body)
    return answers


async def answer(answers: list[bytes], stream: trio.SocketStream) -> None:
    """Handle one connection; each chunk is one request, since GET requests are small and not pipelined."""
    with suppress(trio.BrokenResourceError):  # a client that is done closes the connection
        async with stream:
            while request := await stream.receive_some():
                match = _PAGE.match(request)
                page = int(match[1]) if match else 1
                await stream.send_all(answers[min(page, len(answers) - 1)])


async def main(pages: int, records: int, data: str = "plain") -> None:
    """Print the port, and serve until terminated."""
    answers = render(pages, records, data)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, partial(answer, answers), 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        print(listener.socket.getsockname()[1], flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
