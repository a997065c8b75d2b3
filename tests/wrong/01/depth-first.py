"""libraries_of: depth-first"""


def libraries_of(program):
    main = read_elf(program)
    found = {}
    if main.interpreter:
        found[os.path.basename(main.interpreter)] = main.interpreter

    def add(needy):
        for name in needy.needed:
            if name not in found and not is_inside_loader(name, main.interpreter):
                found[name] = find_library(name, needy)
                add(read_elf(found[name], needed_by=needy))

    add(main)
    return list(found.values())
