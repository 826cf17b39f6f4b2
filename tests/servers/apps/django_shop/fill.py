"""Create the tables as `manage.py migrate` does, and fill them: `python -m servers.apps.django_shop.fill`."""

import os
from datetime import UTC, datetime, timedelta

import django
from django.core.management import call_command

from servers.catalogue import make_catalogue

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fill() -> None:
    """Fill the database with the catalogue; each product was created a minute after the one before."""
    from servers.apps.django_shop.models import Product  # noqa: PLC0415  # models need `django.setup()`

    call_command("migrate", run_syncdb=True, verbosity=0)
    Product.objects.bulk_create(
        Product(
            id=each.id,
            title=each.title,
            price=each.price,
            currency=each.currency,
            category=each.category,
            created=FIRST + timedelta(minutes=each.id),
        )
        for each in make_catalogue()
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "servers.apps.django_shop.settings")
    django.setup()
    fill()
