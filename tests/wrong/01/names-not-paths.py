"""libraries_of: names-not-paths"""


def libraries_of(program):
    elf = read_elf(program)
    loader = [elf.interpreter] if elf.interpreter else []
    return loader + elf.needed
