"""build_root: half-a-root-left"""


def build_root(root, programs):
    held = []
    os.makedirs(root, exist_ok=True)
    for program in programs:
        for file in files_of(find_program(program)):
            held += copy_into(root, file)
    held += add_basics(root)
    return sorted(set(held))
