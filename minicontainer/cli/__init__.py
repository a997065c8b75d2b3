"""On top: the commands `minicontainer` and `minirunc`, and what they tell.

minicontainer.py          the command: what its words lead to (minicontainer_options.py: the words)
container_commands.py     run, ps, rm (records.py finds containers)
image_commands.py         pull, images, inspect, rmi, tags, unpack (gc.py deletes what nobody needs)
registry_commands.py      registry serve
picture_commands.py       graph, storage
demo.py, chroot_demo.py   the stories of the talk, played (demo.toml: the acts)
minirunc.py               the runtime: minirunc_options.py, minirunc_commands.py; exec.py

words.py, progress_bar.py and narrate.py (--explain, --step) write for people.
"""
