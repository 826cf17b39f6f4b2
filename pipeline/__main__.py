"""``python -m pipeline``."""

import sys

if __name__ == "__main__":
    try:
        from pipeline.cli import main

        main(prog_name="python -m pipeline")
    except KeyboardInterrupt:  # while the modules load: 128 + SIGINT, as a shell would have it
        sys.exit(130)
