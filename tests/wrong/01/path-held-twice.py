"""build_root: path-held-twice"""


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                held += copy_into(root, file)
        held += add_basics(root)
    return sorted(held)
