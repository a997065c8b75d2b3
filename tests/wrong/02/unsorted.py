"""list_containers: unsorted"""

def list_containers(root):
    found = []
    for entry in os.scandir(root) if os.path.isdir(root) else []:
        try:
            found.append(state(root, entry.name))
        except ContainerError:
            continue
    return found
