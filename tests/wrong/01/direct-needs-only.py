"""libraries_of: direct-needs-only"""


def libraries_of(program):
    elf = read_elf(program)
    loader = [elf.interpreter] if elf.interpreter else []
    return loader + [find_library(name, elf) for name in elf.needed]
