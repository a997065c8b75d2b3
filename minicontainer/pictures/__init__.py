"""Pictures drawn from the real objects: an image, a registry's storage, a running container.

Read text.py (foreign text made harmless), render.py (DOT to SVG) and drawing.py
(`Picture`, `Sketch`) first; then, one picture after the other:

way.py            way(): the way of `docker run`, with the current step lit
documents.py      what an image consists of (sources.py, remote.py: where it is)
manifests.py      manifest_graph(): index -> manifests -> layers (sharing.py: what is shared)
explore.py        explore(): the same, to click on (files.py: what a layer holds)
storage.py        storage_tree(): a registry's directories (disk.py reads them)
runtime.py        lifecycle(), state_directory()
processes.py      process_tree(), namespaces()
mounts.py         mount_tree(), overlay_layers()
outline.py        the same as text, for a terminal
"""
