"""The whole configuration, and the sections that belong to a run: one struct each, with the meaning of every key.

``load.py`` applies the YAML file, the environment and the flags to these defaults. All times are in seconds. The
documents and ``--help`` take the meaning of a key from here (``section.keys_of``).
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated

from msgspec import Meta

from pipeline.config.duration import Seconds, SecondsOrZero
from pipeline.config.endpoint import Breaker, Count, Endpoint, Http, RateLimit, Retry
from pipeline.config.engine import engine_error
from pipeline.config.expect import Expect
from pipeline.config.ping import ping_error
from pipeline.config.placeholders import placeholder_error
from pipeline.config.section import RULE, SECRET, Section, Word
from pipeline.config.store import store_error
from pipeline.errors import ConfigError, Problem

# The formats of the products file: suffix → writer, imported when it is needed (see `output/product_formats.py`).
# The pattern, the error message and the documents come from here.
PRODUCT_FORMATS: Mapping[str, str] = {
    "jsonl": "pipeline.output.formats.product_formats:jsonl_chunks",
    "csv": "pipeline.output.formats.csv_products:csv_chunks",
    "parquet": "pipeline.output.formats.parquet_products:parquet_chunks",
}
_SUFFIXES = " or ".join(", ".join(f".{suffix}" for suffix in PRODUCT_FORMATS).rsplit(", ", 1))

NO_ENDPOINTS = Problem(
    "endpoints", "none is configured; add at least one with `name` and `url`, or let `pipeline init` draft a file"
)


class Level(Word):
    """The least severe log message that is shown."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Format(Word):
    """The format of log lines: text, or one JSON object per line."""

    TEXT = "text"
    JSON = "json"


class Log(Section, frozen=True):
    """Log lines on standard error."""

    level: Annotated[Level, Meta(description="least severe message shown")] = Level.INFO
    format: Annotated[Format, Meta(description="`text`, or `json` with one object per line")] = Format.TEXT


class WorkerPool(Section, frozen=True):
    """Worker threads."""

    size: Annotated[int, Meta(ge=1, le=64, description="threads that normalize records")] = 4
    batch_size: Annotated[Count, Meta(description="target number of records per batch")] = 50


class Queue(Section, frozen=True):
    """Queue between the fetchers and the worker threads."""

    size: Annotated[
        Count, Meta(description="maximum pages that wait to be normalized; while the queue is full, the fetchers wait")
    ] = 100


class Config(Section, frozen=True):
    """The whole configuration of a run.

    Raises:
        ConfigError: if two endpoints have the same name, or the output is the root or the current folder.
    """

    timeout: Annotated[
        Seconds, Meta(description="deadline of the whole run; it ends the fetching, not the writing")
    ] = 60.0
    resume_max_age: Annotated[
        SecondsOrZero,
        Meta(description="maximum age of a journal, since its last entry; `--resume` sets an older one aside"),
    ] = 43_200.0
    max_endpoints: Annotated[
        Count | None,
        Meta(
            description="maximum endpoints that are fetched at once; the others wait; by default as many as open files "
            "and memory allow, up to 1,000"
        ),
    ] = None
    engine: Annotated[
        str | None,
        Meta(
            description="other processes that fetch and normalize: `processes`, `processes:N`, `dask:local` or "
            "`dask://HOST:PORT`; see docs/ENGINES.md",
            examples=["processes:4"],
        ),
    ] = None
    engine_slice: Annotated[
        Seconds, Meta(description="time for which a worker of the engine fetches before it returns what has arrived")
    ] = 30.0
    output: Annotated[
        str,
        Meta(
            min_length=1,
            description="file for the summary; its folder is created; may contain `{date}`, `{time}` and `{run}`",
            examples=["out/{date}.json"],
        ),
    ] = "out/summary.json"
    report: Annotated[bool, Meta(description='write an HTML report; see "The report" in docs/RESULT.md')] = False
    changes: Annotated[
        bool, Meta(description="write what has changed since the summary that the run replaces; see docs/CHANGES.md")
    ] = False
    products: Annotated[
        Annotated[
            str,
            Meta(
                pattern=rf"[^/\\]\.({'|'.join(PRODUCT_FORMATS)})\Z",
                extra={RULE: f"Expected a path that ends in {_SUFFIXES}, which determines the format"},
            ),
        ]
        | None,
        Meta(
            description=f"also write the products to this file: {_SUFFIXES}; may contain `{{date}}`, `{{time}}` and "
            "`{run}`; see docs/LOAD.md"
        ),
    ] = None
    store: Annotated[
        str | None,
        Meta(
            description="database for the history of the catalogue, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; "
            "see docs/STORE.md",
            examples=["sqlite:///out/catalogue.db"],
            extra={SECRET: True},
        ),
    ] = None
    metrics: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="write the numbers of the run to this file for Prometheus; see docs/OPERATE.md",
            examples=["out/run.prom"],
        ),
    ] = None
    ping: Annotated[
        str | None,
        Meta(
            description="URL of a monitor, which gets a POST to `URL/start`, and to `URL/EXITCODE` at the end; see "
            "docs/OPERATE.md",
            examples=["${PING_URL}"],
            extra={SECRET: True},
        ),
    ] = None
    log: Log = Log()
    http: Http = Http()
    rate_limit: RateLimit = RateLimit()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    expect: Expect = Expect()
    worker_pool: WorkerPool = WorkerPool()
    queue: Queue = Queue()
    endpoints: Annotated[tuple[Endpoint, ...], Meta(description="a list, one entry per API")] = ()

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        problems = [
            Problem(
                f"endpoints.{index}.name",
                f"{endpoint.name!r} is also the name of endpoints.{same}; choose another name",
            )
            for index, endpoint in enumerate(self.endpoints)
            if (same := first.setdefault(endpoint.name, index)) != index
        ]
        if not PurePath(self.output).name:
            problems.append(Problem("output", f"{self.output!r} is a folder; name a file in it (-o)"))
        names = {"output": self.output, "products": self.products or ""}
        problems += [Problem(key, error) for key, name in names.items() if (error := placeholder_error(name))]
        if self.engine is not None and (error := engine_error(self.engine)):
            problems.append(Problem("engine", error))
        if self.ping is not None and (error := ping_error(self.ping)):
            problems.append(Problem("ping", error))
        if self.store is not None and (error := store_error(self.store)):
            problems.append(Problem("store", error))
        if problems:
            raise ConfigError(problems)
