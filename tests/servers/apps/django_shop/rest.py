"""Views of Django REST framework: the three paginators, and the throttle for anonymous clients."""

from rest_framework import serializers, viewsets
from rest_framework.pagination import CursorPagination, LimitOffsetPagination, PageNumberPagination
from rest_framework.routers import DefaultRouter
from rest_framework.throttling import AnonRateThrottle

from servers.apps.django_shop.models import Product


class ProductSerializer(serializers.ModelSerializer):
    """Product as JSON; the price is text, which is the framework's default for decimals."""

    class Meta:
        """Fields of the product, without `created`."""

        model = Product
        fields = ("id", "title", "price", "currency", "category")


class PageNumberView(viewsets.ReadOnlyModelViewSet):
    """`?page=2`, with `count`, `next`, `previous` and `results`."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    pagination_class = PageNumberPagination


class LimitOffsetView(PageNumberView):
    """`?limit=20&offset=20`, with the same envelope."""

    pagination_class = LimitOffsetPagination


class CursorView(PageNumberView):
    """`?cursor=…`, ordered by `-created`, without `count`."""

    pagination_class = CursorPagination


class PagesOfFifteen(PageNumberPagination):
    """Pages of 15, so that a walk has more pages than the throttle allows in a minute, but not many."""

    page_size = 15


class ThrottledView(PageNumberView):
    """Page numbers behind AnonRateThrottle."""

    pagination_class = PagesOfFifteen
    throttle_classes = (AnonRateThrottle,)


router = DefaultRouter()
router.register("page-number", PageNumberView, basename="page-number")
router.register("limit-offset", LimitOffsetView, basename="limit-offset")
router.register("cursor", CursorView, basename="cursor")
router.register("throttled", ThrottledView, basename="throttled")
