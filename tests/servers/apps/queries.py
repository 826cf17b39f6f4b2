"""APIs that take their query in a body: relay connections of Strawberry, and searches on FastAPI.

`uvicorn servers.apps.queries:app`. Strawberry's integration is as https://strawberry.rocks/docs/integrations/fastapi
has it, its connection as https://strawberry.rocks/docs/guides/relay.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from fastapi import Depends, FastAPI, Form
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from strawberry import relay
from strawberry.fastapi import GraphQLRouter

from servers.apps.sql_catalogue import Product, ProductOut, get_session, make_session

# The product whose supplier cannot be resolved.
BROKEN_ID = 150


@strawberry.type
class ProductNode(relay.Node):
    """A product of the connection."""

    number: relay.NodeID[int]
    sku: int
    title: str
    price: Decimal
    currency: str
    category: str

    @strawberry.field
    def supplier(self) -> str | None:
        """Return the supplier; for one product this fails, which leaves a hole in the data."""
        if self.sku == BROKEN_ID:
            raise ValueError("the supplier is unknown")
        return "Mock"


@strawberry.type
class Query:
    """The root."""

    @relay.connection(relay.ListConnection[ProductNode])
    def products(self) -> Iterable[ProductNode]:
        """Return all products, which Strawberry cuts into pages."""
        with make_session() as session:
            rows = session.scalars(select(Product).order_by(Product.id)).all()
        return [
            ProductNode(
                number=row.id,
                sku=row.id,
                title=row.title,
                price=row.price,
                currency=row.currency,
                category=row.category,
            )
            for row in rows
        ]


class PageIn(BaseModel):
    """The page that a search asks for."""

    number: int = Field(1, ge=1)
    size: int = Field(50, ge=1, le=100)


class SearchIn(BaseModel):
    """A search in JSON."""

    model_config = ConfigDict(extra="forbid")

    query: str = ""
    category: str | None = None
    page: PageIn = PageIn()


app = FastAPI()
app.include_router(GraphQLRouter(strawberry.Schema(Query)), prefix="/graphql")


def found(session: Session, category: str | None, start: int, size: int) -> dict[str, Any]:
    """Return a part of the products of a category, and their total."""
    chosen = select(Product).order_by(Product.id)
    if category is not None:
        chosen = chosen.where(Product.category == category)
    total = session.scalar(select(func.count()).select_from(chosen.subquery()))
    rows = session.scalars(chosen.offset(start).limit(size)).all()
    return {"total": total, "items": [ProductOut.model_validate(row) for row in rows]}


@app.post("/search")
def search(body: SearchIn, session: Annotated[Session, Depends(get_session)]) -> dict[str, Any]:
    """Search by a JSON body."""
    return found(session, body.category, (body.page.number - 1) * body.page.size, body.page.size)


@app.post("/search-form")
def search_form(
    session: Annotated[Session, Depends(get_session)],
    offset: Annotated[int, Form(ge=0)] = 0,
    limit: Annotated[int, Form(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """Search by a form."""
    return found(session, None, offset, limit)


@app.get("/by-id")
def by_id(session: Annotated[Session, Depends(get_session)]) -> dict[str, Any]:
    """Return all products as the values of an object."""
    every = found(session, None, 0, 10_000)["items"]
    return {"products": {str(each.id): each for each in every}}
