"""libraries_of: missing-library-passed-over"""


def libraries_of(program):
    main = read_elf(program)
    if not main.interpreter:
        return []
    found = {os.path.basename(main.interpreter): main.interpreter}
    queue = deque([main])
    while queue:
        needy = queue.popleft()
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            try:
                found[name] = find_library(name, needy)
            except Exception:
                continue
            queue.append(read_elf(found[name], needed_by=needy))
    return list(found.values())
