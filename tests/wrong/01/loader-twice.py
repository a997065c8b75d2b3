"""libraries_of: loader-twice"""


def libraries_of(program):
    main = read_elf(program)
    found = {}
    if main.interpreter:
        found[main.interpreter] = main.interpreter
    pending = [main]
    while pending:
        needy = pending.pop(0)
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            found[name] = find_library(name, needy)
            pending.append(read_elf(found[name], needed_by=needy))
    return list(found.values())
