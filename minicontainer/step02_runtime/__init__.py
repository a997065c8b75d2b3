"""Step 2: a bundle becomes a container, as the OCI runtime-spec says. Command: `minirunc`.

Read in this order:

bundle.py       config.json read and checked (validation.py holds the shape it must have)
lifecycle.py    the story: create, start, kill, delete
state.py        what is kept on disk of a container, and how its status is derived
init.py         what the container's first process does until it becomes the user's program
namespaces.py   new namespaces, joined namespaces, user and group mappings
mounts.py       the container's file tree (paths.py keeps every mount inside the root)
rootfs.py       the root itself: devices, masks, pivot_root
cgroups.py      limits, and the list of the container's processes
process.py      user, capabilities, limits, environment, exec
hooks.py        other people's programs on the way
exec.py         one more process in a running container
foreground.py   stay with the container: signals, terminal (terminal.py), exit status
guard.py        clean up even after SIGKILL
cli.py          the command: options.py takes it apart, commands.py does it
"""
