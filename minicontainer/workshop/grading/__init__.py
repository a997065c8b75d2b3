"""The checks, the child process that runs them apart, and what is said of them."""
