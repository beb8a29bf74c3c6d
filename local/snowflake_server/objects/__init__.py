"""What exists: databases, tables, views, stages, roles, integrations, apps."""
