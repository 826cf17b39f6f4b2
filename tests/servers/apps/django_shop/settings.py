"""Settings as `django-admin startproject` and the two frameworks' tutorials have them, without sessions and admin."""

import os
from pathlib import Path

SECRET_KEY = "only for tests on the loopback interface"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "servers.apps.django_shop",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "servers.apps.django_shop.urls"
WSGI_APPLICATION = "servers.apps.django_shop.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(os.environ.get("SERVER_DATABASE", "db.sqlite3"))}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

# https://www.django-rest-framework.org/api-guide/pagination/ and …/throttling/
REST_FRAMEWORK = {
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 20,
    "DEFAULT_THROTTLE_RATES": {"anon": os.environ.get("SERVER_ANON_RATE", "20/min")},
}
