"""Server software: how each is started, and what it needs.

The software is installed apart from the program. `SERVERS_PYTHON` names the interpreter of its environment;
`just test-servers` sets it. Without it nothing is started, and the tests skip.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
# The folders that `just test-servers` installs into. A path to an interpreter must keep its symbolic link.
PYTHON = str(Path(os.environ["SERVERS_PYTHON"]).absolute()) if os.environ.get("SERVERS_PYTHON") else ""
JSON_SERVER = HERE.parents[1] / ".node-servers" / "node_modules" / "json-server" / "lib" / "bin.js"
# For so many processes: without coverage, and with byte code, as installed programs have it.
ENVIRONMENT = {
    key: value
    for key, value in os.environ.items()
    if not key.startswith("COVERAGE") and key != "PYTHONDONTWRITEBYTECODE"
}


@dataclass(frozen=True)
class Software:
    """A server's command line, and the way to fill its database.

    `command` and `config` have the placeholders `{directory}`, `{port}`, `{log}`, `{database}` and `{upstream}`.
    """

    command: tuple[str, ...]
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    fill: str | None = None
    table: str | None = None
    config: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    upstream: str | None = None


def _uvicorn(module: str, **environment: str) -> Software:
    return Software(
        command=(PYTHON, "-m", "uvicorn", f"{module}:app", "--host", HOST, "--port", "{port}"),
        modules=("uvicorn", "fastapi_pagination", "sqlakeyset", *(("slowapi",) if "slowapi" in module else ())),
        fill="servers.apps.sql_catalogue",
        table="products",
        environment=environment,
    )


def _gunicorn(**environment: str) -> Software:
    return Software(
        command=(
            PYTHON,
            "-m",
            "gunicorn",
            "servers.apps.django_shop.wsgi",
            "--bind",
            f"{HOST}:{{port}}",
            "--access-logfile",
            "-",
        ),
        modules=("gunicorn", "django", "rest_framework", "ninja"),
        fill="servers.apps.django_shop.fill",
        table="django_shop_product",
        environment={"DJANGO_SETTINGS_MODULE": "servers.apps.django_shop.settings", **environment},
    )


def _nginx(rate: str, limit: str = "", status: int = 429) -> Software:
    return Software(
        command=("nginx", "-p", "{directory}", "-c", "{directory}/nginx.conf", "-e", "{log}"),
        programs=("nginx",),
        config="nginx.conf",
        settings={
            "rate": rate,
            "limit": limit,
            "status": str(status),
            "user": "user root;" if os.geteuid() == 0 else "",
        },
        upstream="django",
    )


def _haproxy(period: str) -> Software:
    return Software(
        command=("haproxy", "-db", "-f", "{directory}/haproxy.cfg"),
        programs=("haproxy",),
        config="haproxy.cfg",
        settings={"period": period},
        upstream="django",
    )


SOFTWARE: dict[str, Software] = {
    "django": _gunicorn(),
    "fastapi-pagination": _uvicorn("servers.apps.fastapi_pages"),
    "slowapi": _uvicorn("servers.apps.slowapi_limits"),
    "slowapi-moving-window": _uvicorn("servers.apps.slowapi_limits", SERVER_STRATEGY="moving-window"),
    "slowapi-headers": _uvicorn("servers.apps.slowapi_limits", SERVER_LIMIT_HEADERS="1"),
    "queries": Software(
        command=(PYTHON, "-m", "uvicorn", "servers.apps.queries:app", "--host", HOST, "--port", "{port}"),
        modules=("uvicorn", "fastapi", "strawberry"),
        fill="servers.apps.sql_catalogue",
        table="products",
    ),
    "nginx-files": Software(
        command=("nginx", "-p", "{directory}", "-c", "{directory}/nginx_feed.conf", "-e", "{log}"),
        programs=("nginx",),
        config="nginx_feed.conf",
        settings={"user": "user root;" if os.geteuid() == 0 else ""},
    ),
    "datasette": Software(
        command=(PYTHON, "-m", "datasette", "serve", "{database}", "--host", HOST, "--port", "{port}"),
        modules=("datasette",),
        fill="servers.apps.datasette_file",
        table="products",
    ),
    "json-server": Software(
        command=(
            "node",
            "--require",
            str(HERE / "apps" / "json_server_log.cjs"),
            str(JSON_SERVER),
            "{database}",
            "--port",
            "{port}",
        ),
        programs=("node",),
        files=(JSON_SERVER,),
        fill="servers.apps.json_server_file",
    ),
    "nginx-429": _nginx("2r/s"),
    "nginx-503": _nginx("2r/s", status=503),
    "nginx-burst": _nginx("5r/s", " burst=5 nodelay"),
    "haproxy-10s": _haproxy("10s"),
    "haproxy-30s": _haproxy("30s"),
}


def missing(name: str) -> str | None:
    """Return the reason why a server cannot be started here, or None if it can."""
    if not PYTHON:
        return "`just test-servers` runs this test"
    software = SOFTWARE[name]
    absent = [f"the module {each}" for each in software.modules if each not in installed()]
    absent += [f"the program {each}" for each in software.programs if shutil.which(each, path=PATH) is None]
    absent += [str(each) for each in software.files if not each.exists()]
    if absent:
        return f"{name} needs {' and '.join(absent)}"
    return None if software.upstream is None else missing(software.upstream)


@cache
def installed() -> frozenset[str]:
    """Return the names of the modules in the environment of the servers."""
    names = "import pkgutil; print(*(each.name for each in pkgutil.iter_modules()))"
    return frozenset(
        subprocess.run([PYTHON, "-c", names], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    )
