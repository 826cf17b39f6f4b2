"""The catalogue in SQLite through SQLAlchemy, for the FastAPI applications."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Numeric, create_engine, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from servers.catalogue import make_catalogue

engine = create_engine(f"sqlite:///{os.environ.get('SERVER_DATABASE', 'catalogue.sqlite3')}")
make_session = sessionmaker(engine)


class Base(DeclarativeBase):
    """Base of the tables."""


class Product(Base):
    """Table of the products."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    currency: Mapped[str]
    category: Mapped[str]


class ProductOut(BaseModel):
    """Product as JSON; pydantic writes the price as text."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    price: Decimal
    currency: str
    category: str


def get_session() -> Iterator[Session]:
    """Open a session for one request."""
    with make_session() as session:
        yield session


def fill() -> None:
    """Create the table and fill it with the catalogue."""
    Base.metadata.create_all(engine)
    with make_session.begin() as session:
        session.execute(insert(Product), [asdict(each) for each in make_catalogue()])


if __name__ == "__main__":
    fill()
