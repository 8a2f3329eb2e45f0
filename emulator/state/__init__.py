"""What the emulator remembers: resources, their transitions and their tags, in one SQL database."""
