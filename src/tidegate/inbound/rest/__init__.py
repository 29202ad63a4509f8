"""The REST way in: routers, schemas, problem documents."""
