"""Search: resources found by any of their properties, with an expression."""
