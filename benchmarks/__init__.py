"""What the emulator costs: each figure measured beside its reference, in one run, on the same machine."""
