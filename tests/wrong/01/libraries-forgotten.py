"""build_root: libraries-forgotten"""


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            held += copy_into(root, find_program(program))
        held += add_basics(root)
    return sorted(set(held))
