"""Every service of moto but S3, kept across a crash. Importing `Services` imports moto's core, and no service."""
