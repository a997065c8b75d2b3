"""Below the book: parts that one may take on trust, as one takes libc. Imports no step."""
