"""Pictures drawn from the real objects: an image, a store, a running container.

Read text.py (foreign text made harmless), render.py (DOT to SVG) and drawing.py
(`Picture`, `Sketch`) first; then one module a picture:

way.py        the way of `docker run`, with the current step lit
images.py     where an image's documents come from: store, layout, registry
manifests.py  reference -> index -> manifests -> config and layers
explore.py    the same, to click on: JSON and file lists, without a kernel
storage.py    a registry's directories on disk, beside an OCI layout
runtime.py    lifecycle, state directory
processes.py  pids inside and outside, namespaces side by side
mounts.py     the mount tree, overlay layers
cli.py        `minicontainer graph` and `minicontainer storage`
"""
