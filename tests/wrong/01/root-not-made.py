"""build_root: root-not-made"""


def build_root(root, programs):
    held = set()
    for program in programs:
        for file in files_of(find_program(program)):
            held.update(copy_into(root, file))
    held.update(add_basics(root))
    return sorted(held)
