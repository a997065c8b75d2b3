"""build_root: link-lost"""

import shutil


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                os.makedirs(os.path.dirname(root + file), exist_ok=True)
                shutil.copy(file, root + file)
                held.append(file)
        held += add_basics(root)
    return sorted(set(held))
