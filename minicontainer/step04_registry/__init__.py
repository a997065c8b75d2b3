"""Step 04: from a name to verified blobs, by the OCI distribution-spec.

Read in this order:

reference.py   `nginx` -> docker.io/library/nginx:latest
challenge.py   401: what the registry wants to see first
token.py       a token from the token service
redirects.py   not here, but there; and who may see the token
client.py      tags, manifests, blobs: the three questions to a registry
pull.py        all together: name -> image in the local layout
offers.py      no such image: what there is instead

Taken on trust: lib/session.py, which is a requests.Session; lib/http.py, which reads answers
with a limit; lib/retries.py; lib/addresses.py. The other side, a registry to practise on, is
minicontainer/registry.
"""
