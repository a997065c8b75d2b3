"""What lab 01 shows: the way of `docker run`, and a jail of a few files."""

from minicontainer.pictures.way import way as way
