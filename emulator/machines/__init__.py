"""Lives as pure functions, and the one supervisor that carries them out."""
