"""Engines: what runs containers. `port` is the contract, `choose` picks the implementation."""
