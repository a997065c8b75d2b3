"""`python -m minicontainer.workshop`: the commands behind `./workshop`."""

import sys

from .cli import main

sys.exit(main())
