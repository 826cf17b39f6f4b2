"""Every page of fastapi-pagination, each at the URL that has its name: `uvicorn servers.apps.fastapi_pages:app`."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI
from fastapi_pagination import LimitOffsetPage, Page, add_pagination, iterables
from fastapi_pagination.bases import AbstractPage
from fastapi_pagination.cursor import CursorPage
from fastapi_pagination.customization import (
    CustomizedPage,
    UseFieldsAliases,
    UseFlattenPage,
    UseIncludeTotal,
    UseResponseHeaders,
)
from fastapi_pagination.ext.sqlalchemy import paginate
from fastapi_pagination.links import LimitOffsetPage as LinksLimitOffsetPage
from fastapi_pagination.links import Page as LinksPage
from fastapi_pagination.links import UseHeaderLinks, UseLimitOffsetHeaderLinks
from fastapi_pagination.optional import OptionalLimitOffsetPage, OptionalPage
from sqlalchemy import select
from sqlalchemy.orm import Session

from servers.apps.sql_catalogue import Product, ProductOut, get_session

T = TypeVar("T")

HeaderLinksPage = CustomizedPage[Page[T], UseHeaderLinks()]
HeaderLinksLimitOffsetPage = CustomizedPage[LimitOffsetPage[T], UseLimitOffsetHeaderLinks()]
PageWithoutTotal = CustomizedPage[Page[T], UseIncludeTotal(include_total=False)]
LimitOffsetPageWithoutTotal = CustomizedPage[LimitOffsetPage[T], UseIncludeTotal(include_total=False)]
AliasedPage = CustomizedPage[Page[T], UseFieldsAliases(items="data", total="count")]


def total_header(page: AbstractPage[Any]) -> dict[str, str]:
    """Return the header that a plain list has its total in."""
    return {"X-Total-Count": str(page.total)}


FlatPage = CustomizedPage[Page[T], UseFlattenPage()]
FlatPageWithTotal = CustomizedPage[Page[T], UseResponseHeaders(total_header), UseFlattenPage()]

PAGES: dict[str, Any] = {
    "page": Page,
    "limit-offset-page": LimitOffsetPage,
    "cursor-page": CursorPage,
    "links-page": LinksPage,
    "links-limit-offset-page": LinksLimitOffsetPage,
    "header-links-page": HeaderLinksPage,
    "header-links-limit-offset-page": HeaderLinksLimitOffsetPage,
    "optional-page": OptionalPage,
    "optional-limit-offset-page": OptionalLimitOffsetPage,
    "page-without-total": PageWithoutTotal,
    "limit-offset-page-without-total": LimitOffsetPageWithoutTotal,
    "aliased-page": AliasedPage,
    "flat-page": FlatPage,
    "flat-page-with-total": FlatPageWithTotal,
}

app = FastAPI()


def get_products(session: Annotated[Session, Depends(get_session)]) -> Any:
    """Return one page of the products."""
    return paginate(session, select(Product).order_by(Product.id))


def get_iterable_products(session: Annotated[Session, Depends(get_session)]) -> Any:
    """Return one page of an iterable, whose length is not known."""
    return iterables.paginate(session.scalars(select(Product).order_by(Product.id)))


for name, page in PAGES.items():
    app.get(f"/{name}", response_model=page[ProductOut])(get_products)
app.get("/iterable-page", response_model=iterables.Page[ProductOut])(get_iterable_products)
app.get("/iterable-limit-offset-page", response_model=iterables.LimitOffsetPage[ProductOut])(get_iterable_products)
add_pagination(app)
