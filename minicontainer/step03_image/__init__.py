"""Step 3, the image: index -> manifest -> config and layers -> root filesystem -> bundle.

Read the room in this order:

digest.py          a name that is computed from the content
spec.py            the documents of an image, and how foreign bytes become them
layout.py          where blobs and names live on disk
blobs.py           writing a blob: it gets its name only once it is complete and verified
manifest.py        one image for many machines: the manifest for this one
tree.py            a directory that nothing can climb out of
layers.py          from a blob to changes of a root filesystem: whiteouts
unpack.py          all layers, in order and verified: the root filesystem
runtime_config.py  the image's config becomes the runtime's config.json

What a layer is made of is read by lib/tar.py, what a user is called by lib/users.py.
"""
