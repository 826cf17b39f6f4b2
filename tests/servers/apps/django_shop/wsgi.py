"""WSGI application, for `gunicorn servers.apps.django_shop.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "servers.apps.django_shop.settings")
application = get_wsgi_application()
