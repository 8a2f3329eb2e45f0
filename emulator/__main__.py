"""``python -m emulator`` is the command ``sagemaker-emulator``."""

from emulator.cli.main import main

main()
