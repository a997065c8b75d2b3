"""Step 04: from a name to verified blobs, by the OCI distribution-spec.

Read in this order:
reference.py    `nginx` -> docker.io/library/nginx:latest
challenge.py    what the registry wants to see first
token.py        a token from the token service
client.py       tags, manifests, blobs (below it: transport.py, redirects.py, retries.py)
pull.py         all together: name -> image in the local layout
server.py       the other side: a registry to practise on (catalog, answers, token_service)
embedded.py     the images it offers, made on this machine (tiny_elf, image_builder)
"""
