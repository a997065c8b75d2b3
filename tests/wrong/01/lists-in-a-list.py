"""build_root: lists-in-a-list"""


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                held.append(copy_into(root, file))
        held.append(add_basics(root))
    return sorted(held)
