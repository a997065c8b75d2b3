"""The kit's own registry server, and the images that it makes on this machine."""
