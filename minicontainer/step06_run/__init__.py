"""Step 06: `docker run`, which is step 04, then 03, then 02. The command `minicontainer`.

Read in this order:
engine.py      run_container: become root, unpack, create, start, wait, delete
obtain.py      a name on the command line -> an image in the store
containers.py  the directory of each container
monitor.py     the process that cleans up, also after kill -9
snapshot.py    the image's tree, shared, with a layer of the container's own on top
bundle.py      image and options -> config.json
lifetime.py    run_bundle: one container from its beginning to its end
"""
