"""list_containers: stops-at-the-damaged"""

def list_containers(root):
    found = []
    try:
        for id in sorted(os.listdir(root)) if os.path.isdir(root) else []:
            if not id.startswith("."):
                found.append(state(root, id))
    except ContainerError:
        pass
    return found
