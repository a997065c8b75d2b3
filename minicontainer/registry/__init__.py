"""The kit's own registry server, and the images that it makes on this machine.

The server, from the outside in:
server.py         the listening socket; `running_registry`, `serve`
handlers.py       one method a route (responses.py: how a response is written; byte_range.py)
catalog.py        which repositories, tags and blobs an OCI layout has on offer
token_service.py  who may pull: tokens, signed and checked

The images, from the top down:
mirror.py         `workshop/NAME` is pulled from here, as from a mirror of docker.io
embedded.py       which images there are
image_builder.py  files -> layer, config, manifest, index
host_tools.py     what goes into workshop/shell
tiny_programs.py  workshop/hello and workshop/web (tiny_elf.py and machine_code.py assemble them)
"""
