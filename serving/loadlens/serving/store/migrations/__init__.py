"""The history of the schema; every server brings its database up to date when it starts."""
