"""Endpoints: fleets of inference containers that serve, are updated and are replaced."""
