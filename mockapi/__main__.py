"""Run the command line: ``python -m mockapi``."""

import sys

if __name__ == "__main__":
    try:
        from mockapi.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"Error: the mocks need {error.name}; install it with: uv sync --group mockapi")
    main(prog_name="python -m mockapi")
