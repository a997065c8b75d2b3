"""libraries_of: libc-sought-as-a-file"""


def libraries_of(program):
    main = read_elf(program)
    if not main.interpreter:
        return []
    found = {os.path.basename(main.interpreter): main.interpreter}
    queue = deque([main])
    while queue:
        needy = queue.popleft()
        for name in needy.needed:
            if name not in found:
                found[name] = find_library(name, needy)
                queue.append(read_elf(found[name], needed_by=needy))
    return list(found.values())
