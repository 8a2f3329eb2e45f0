"""Sinks: where lines and measured values go."""
