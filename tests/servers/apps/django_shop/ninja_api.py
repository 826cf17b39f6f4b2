"""Operations of django-ninja: its default pagination, and each of its pagination classes."""

from decimal import Decimal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import NinjaAPI, Schema
from ninja.pagination import CursorPagination, PageNumberPagination, paginate

from servers.apps.django_shop.models import Product

api = NinjaAPI()


class ProductOut(Schema):
    """Product as JSON, with every column of the table but `created`."""

    id: int
    title: str
    price: Decimal
    currency: str
    category: str


@api.get("/default", response=list[ProductOut])
@paginate
def default(request: HttpRequest) -> QuerySet[Product]:
    """Paginate with the default, `?limit=100&offset=0`."""
    return Product.objects.all()


@api.get("/page-number", response=list[ProductOut])
@paginate(PageNumberPagination, page_size=50)
def page_number(request: HttpRequest) -> QuerySet[Product]:
    """Paginate with `?page=1`, 50 products a page."""
    return Product.objects.all()


@api.get("/cursor", response=list[ProductOut])
@paginate(CursorPagination, ordering=("id",), page_size=50)
def cursor(request: HttpRequest) -> QuerySet[Product]:
    """Paginate with `?cursor=…`, 50 products a page."""
    return Product.objects.all()


@api.get("/unpaginated", response=list[ProductOut])
def unpaginated(request: HttpRequest) -> QuerySet[Product]:
    """Return all products as one list, which unknown parameters do not change."""
    return Product.objects.all()
