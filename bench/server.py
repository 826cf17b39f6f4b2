"""Serves pre-rendered pages over HTTP/1.1, as fast as Trio can: the server must not be what is measured.

``python bench/server.py PAGES RECORDS`` prints its port and serves until it is ended.
"""

import json
import re
import sys
from contextlib import suppress
from functools import partial

import trio

_PAGE = re.compile(rb"^GET [^ ]*[?&]page=(\d+)")


def render(pages: int, records: int) -> list[bytes]:
    """The whole answer to each page, from 0 on; the one behind the last page is empty."""
    answers = [b""]
    for page in range(1, pages + 2):
        items = [
            {
                "id": (page - 1) * records + index,
                "name": f"Ivory Kettle &amp; Lid {page}-{index}",
                "price": round(1 + index * 1.37, 2),
                "category": ("Home", "Office", "Garden")[index % 3],
                "brand": "Acme",
                "description": "A kettle as one would want it. " * 3,
                "stock": index,
            }
            for index in range(records if page <= pages else 0)
        ]
        body = json.dumps({"products": items}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        answers.append(head.encode() + body)
    return answers


async def answer(answers: list[bytes], stream: trio.SocketStream) -> None:
    """Handle one connection: each chunk is one request, as the small GET requests of one client are."""
    with suppress(trio.BrokenResourceError):  # whoever has all it wants may hang up
        async with stream:
            while request := await stream.receive_some():
                match = _PAGE.match(request)
                if match is None:
                    return
                await stream.send_all(answers[min(int(match[1]), len(answers) - 1)])


async def main(pages: int, records: int) -> None:
    """Serve until ended."""
    answers = render(pages, records)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, partial(answer, answers), 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        print(listener.socket.getsockname()[1], flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
