"""``python -m proxies``."""

import sys

from proxies.main import main

if __name__ == "__main__":
    sys.exit(main())
