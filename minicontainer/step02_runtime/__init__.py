"""Step 2: a bundle becomes a container, as the OCI runtime-spec says. Command: `minirunc`.

Read in this order:

bundle.py       config.json, read and checked
lifecycle.py    the story: create, start, kill, delete
state.py        what is kept on disk of a container, whether a process still runs, and so its status
init.py         what the container's first process does until it becomes the user's program
namespaces.py   new namespaces and joined ones
mounts.py       the container's file tree, and none of it on the host
root.py         the root itself: devices, masked paths, pivot_root
cgroups.py      limits
process.py      user, rights, environment, exec
hooks.py        other people's programs on the way

What one may take on trust is in lib/: config_schema.py (the shape of config.json), paths.py
(a path inside a root that nobody trusts), channel.py, user_namespace.py, processes.py,
cgroups.py, mount_options.py, capabilities.py. One more process in a container: cli/exec.py.
"""
