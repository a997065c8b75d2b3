"""libraries_of: circle"""


def libraries_of(program):
    main = read_elf(program)
    found = [main.interpreter] if main.interpreter else []
    pending = [main]
    for needy in pending:
        for name in needy.needed:
            if name != os.path.basename(main.interpreter):
                path = find_library(name, needy)
                pending.append(read_elf(path, needed_by=needy))
                if path not in found:
                    found.append(path)
    return found
