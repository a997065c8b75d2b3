"""`python -m minicontainer.workshop`: the commands behind `./workshop`."""

import sys

if sys.argv[1:2] == ["slides"]:
    from minicontainer.workshop.slides.build import main as make_slides

    sys.exit(make_slides(sys.argv[2:]))

from .commands import main

sys.exit(main())
