"""The source database: connection, catalog, snapshot; the only PostgreSQL."""
