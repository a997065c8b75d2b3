"""Step 04: from a name to verified blobs, by the OCI distribution-spec.

Read in this order:
reference.py   `nginx` -> docker.io/library/nginx:latest
challenge.py   401: what the registry wants to see first
token.py       a token from the token service
client.py      tags, manifests, blobs: the three questions to a registry
pull.py        all together: name -> image in the local layout
below them     redirects.py, retries.py; transport.py, connections.py; addresses.py, failures.py,
               curl.py (what --explain shows)

The other side, a registry to practise on:
server.py      start and stop; answers.py (one method a route), answer_writer.py, byte_range.py,
               catalog.py (what there is), token_service.py (who may)
embedded.py    the images it has, made on this machine: host_tools.py, image_builder.py,
               tiny_programs.py (two programs as system calls), tiny_elf.py, machines.py
"""
