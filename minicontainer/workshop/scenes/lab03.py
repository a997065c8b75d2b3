"""What lab 03 shows: the way of `docker run`, and a small image from the inside."""

from __future__ import annotations

from minicontainer.pictures.way import way as way
