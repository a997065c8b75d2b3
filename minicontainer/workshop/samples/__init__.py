"""Small things for the checks and the pages of the labs: images, bundles, ELF files, servers."""
