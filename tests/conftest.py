"""What holds for all tests."""

import os

# pytest imports readline, which tells every program below that there is a terminal of 80 columns.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)
