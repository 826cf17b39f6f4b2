"""A run writes exactly the files that the README lists."""

import json
import sys
from fnmatch import fnmatch
from pathlib import Path

import trio
from helpers.discovering import file_server

from docs.files import FILES

# Runs the command line, then prints the files below the working directory that it created or opened for writing.
WRITES = """
import os, sys
written = set()

def note(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        written.add(os.path.relpath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else "")
    elif event == "sqlite3.connect":
        written.add(os.path.relpath(arguments[0]))
    elif event == "os.rename":
        written.add(os.path.relpath(arguments[1]))

sys.dont_write_bytecode = True
sys.addaudithook(note)
from pipeline.cli import main
try:
    main(prog_name="pipeline")
finally:
    print(*sorted(path for path in written if path and not path.startswith("..")), sep=":")
"""


async def test_every_file_that_is_written_is_listed(tmp_path: Path) -> None:
    """Three runs, with a journal moved aside and one resumed, write exactly the files that the README lists."""
    (tmp_path / "early.json").write_text('[{"id": 1, "price": 5}, {"title": "has no id"}]')
    written: set[str] = set()
    with file_server(tmp_path) as home:
        endpoints = [{"name": name, "url": f"{home}/{name}.json", "paging": "none"} for name in ("early", "late")]
        (tmp_path / "shops.yaml").write_text(json.dumps({"endpoints": endpoints}))
        everything = [
            "--report",
            "--products",
            "out/products.csv",
            "--changes",
            "--store",
            "sqlite:///out/catalogue.db",
        ]
        for flags, code in (([], 3), ([], 3), (["--resume", *everything], 0)):
            if flags:
                (tmp_path / "late.json").write_text('[{"id": 2, "price": 5}]')
            command = [sys.executable, "-c", WRITES, "-c", "shops.yaml", *flags]
            done = await trio.run_process(command, cwd=tmp_path, capture_stdout=True, check=False)
            assert done.returncode == code
            written |= set(done.stdout.decode().splitlines()[-1].split(":"))
    listed = {file.path.as_posix() for file in FILES}
    found = {path: next((name for name in listed if fnmatch(path, name)), None) for path in written}
    assert [path for path, name in found.items() if name is None] == []
    assert set(found.values()) == listed
