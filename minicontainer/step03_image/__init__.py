"""Step 3, the image: index -> manifest -> config and layers -> root filesystem -> bundle.

Read the room in this order; behind each module, those that serve it:

spec.py            the documents of an image, and how foreign bytes become them (shapes.py)
digest.py          a name that is computed from the content
layout.py          where blobs and names live on disk (blobs.py, garbage.py, locks.py)
manifest.py        one image for many machines: the manifest for this one
tar.py             what a layer is made of (tar_fields.py, sparse.py)
rootfs.py          a directory that nothing can climb out of (directories.py, metadata.py)
layers.py          from a blob to changes of a root filesystem: whiteouts (decompress.py)
unpack.py          all layers, in order and verified: the root filesystem
runtime_config.py  the image's config becomes the runtime's config.json (users.py)
"""
