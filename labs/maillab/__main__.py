"""`python -m maillab`: the same as `maillab`."""

import sys

from maillab.cli import main

if __name__ == "__main__":
    sys.exit(main())
