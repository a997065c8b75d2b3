"""Step 1: a root filesystem from files of this machine, and how to break out of it.

Read in this order:

elf.py      what a program needs beside itself: its loader and its libraries
rootfs.py   a directory that holds all of it: a root filesystem
jail.py     a process inside, by chroot; the break-out; pivot_root and namespaces
"""
