"""build_root: copied-flat"""

import shutil


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            os.makedirs(f"{root}/bin", exist_ok=True)
            for file in files_of(find_program(program)):
                held.append(shutil.copy(file, f"{root}/bin"))
        held += add_basics(root)
    return sorted(set(held))
