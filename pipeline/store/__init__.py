"""The catalogue's history in SQLite or PostgreSQL: one transaction for each run. Its libraries are an extra.

``tables.py`` has the tables, ``migrations/`` the steps that lead to them, and docs/STORE.md the queries for users.
"""
