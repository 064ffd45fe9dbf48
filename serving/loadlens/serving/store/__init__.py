"""What the server must not lose: records in SQLite, pictures in a folder, addressed by their SHA-256."""
