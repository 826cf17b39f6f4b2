"""Open the store of a configuration; its libraries are imported only if there is one."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.config.store import StorePlace
from pipeline.distribution import install_extra
from pipeline.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pipeline.store.catalogue_store import CatalogueStore

_LIBRARIES = ("sqlalchemy", "alembic", "psycopg")


def open_store(place: StorePlace) -> "CatalogueStore":
    """Return the store at a place; nothing is connected yet.

    Raises:
        ConfigError: if a library of the ``store`` extra is not installed.
    """
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise ConfigError([Problem("store", f"needs {' and '.join(missing)}; {install_extra('store')}")])
    from pipeline.store.catalogue_store import CatalogueStore  # noqa: PLC0415 - the libraries may be missing

    return CatalogueStore(place)
