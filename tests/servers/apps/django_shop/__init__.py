"""Django project that serves the catalogue with Django REST framework and with django-ninja."""
