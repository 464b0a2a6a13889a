"""The store keeps: tables, connections, units of work, migrations and bulk reads.

SQLite in a file by default, any SQLAlchemy database by ``DATABASE_URL``. It returns frozen
values, never rows, and decides nothing.
"""
