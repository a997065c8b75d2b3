"""The notebooks are made here: lab.md and the package -> labs/ and solutions/."""
