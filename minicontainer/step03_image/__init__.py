"""Step 3, the image: index -> manifest -> config and layers -> root filesystem -> bundle.

Read the room in this order:

spec.py            the documents of an image, and how foreign bytes become them
digest.py          a name that is computed from the content
layout.py          where blobs and names live on disk
manifest.py        one image for many machines: choose the manifest for this one
tar.py, sparse.py  what a layer is made of
rootfs.py          a directory that nothing can climb out of (metadata.py: owners, modes, times)
layers.py          from a blob to a stream of entries; whiteouts
unpack.py          all layers, in order, verified: the root filesystem
runtime_config.py  the image's config becomes the runtime's config.json
"""
