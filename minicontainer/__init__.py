"""What happens when you type `docker run nginx`? The answer, in numbered steps.

idea             the whole of it on two screens, careless on purpose
step01_chroot    a root filesystem from files of this machine, and how to leave it
step02_runtime   bundle -> container: create, start, state, kill, delete (`minirunc`)
step03_image     index -> manifest -> config and layers -> root filesystem -> bundle
step04_registry  name -> token -> tags, manifests, blobs; and a registry to ask
step05_auth      who may pull: auth.json, credential helpers, challenges
step06_run       `docker run`: step 04, then 03, then 02 (`minicontainer`)
"""

import sys

__version__ = "0.1.0"

if "IPython" in sys.modules:  # a notebook, whose import lines may be of an earlier edition
    from minicontainer.workshop.labs import former

    former.watch()
