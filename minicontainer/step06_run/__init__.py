"""Step 06: `docker run`, which is step 04, then 03, then 02. The command `minicontainer`.

Read in this order:
engine.py      run_container: pull, unpack, create, start, wait, delete
images.py      a name on the command line -> an image in the store
snapshot.py    the image's tree, shared, with a layer of the container's own on top
bundle.py      image and options -> config.json
rootless.py    an ordinary user becomes root of a user namespace
caretaker.py   the process that cleans up, also after kill -9
containers.py  the directory of each container
cli.py         the command line
"""
