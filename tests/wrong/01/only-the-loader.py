"""libraries_of: only-the-loader"""


def libraries_of(program):
    loader = read_elf(program).interpreter
    return [loader] if loader else []
