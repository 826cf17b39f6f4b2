"""A catalogue behind slowapi, set up as its quick start says: `uvicorn servers.apps.slowapi_limits:app`.

The variables of the environment `SERVER_STRATEGY` and `SERVER_LIMIT_HEADERS` are the limiter's arguments.
"""

import os
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi_pagination import Page, add_pagination
from fastapi_pagination.customization import CustomizedPage, UseParamsFields
from fastapi_pagination.ext.sqlalchemy import paginate
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from sqlalchemy import select
from sqlalchemy.orm import Session

from servers.apps.sql_catalogue import Product, ProductOut, get_session

T = TypeVar("T")
PageOf25 = CustomizedPage[Page[T], UseParamsFields(size=Query(25, ge=1, le=100))]

limiter = Limiter(
    key_func=get_remote_address,
    strategy=os.environ.get("SERVER_STRATEGY", "fixed-window"),
    headers_enabled=os.environ.get("SERVER_LIMIT_HEADERS") == "1",
)
app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.get("/fast")
@limiter.limit("5/second")
def fast(
    request: Request, response: Response, session: Annotated[Session, Depends(get_session)]
) -> PageOf25[ProductOut]:
    """Return one page; 5 requests a second are allowed."""
    return paginate(session, select(Product).order_by(Product.id))


@app.get("/slow")
@limiter.limit("10/minute")
def slow(
    request: Request, response: Response, session: Annotated[Session, Depends(get_session)]
) -> PageOf25[ProductOut]:
    """Return one page; 10 requests a minute are allowed."""
    return paginate(session, select(Product).order_by(Product.id))


add_pagination(app)
