"""URLs: `/drf/…/` for Django REST framework, `/ninja/…` for django-ninja."""

from django.urls import include, path

from servers.apps.django_shop.ninja_api import api
from servers.apps.django_shop.rest import router

urlpatterns = [path("drf/", include(router.urls)), path("ninja/", api.urls)]
