"""Objects: what S3 keeps, seen from inside."""
