"""Table of the products."""

from django.db import models


class Product(models.Model):
    """One product. `created` is the ordering that CursorPagination has by default."""

    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    category = models.CharField(max_length=50)
    created = models.DateTimeField()

    class Meta:
        """Order by id, without which Django warns that pages are inconsistent."""

        ordering = ("id",)
