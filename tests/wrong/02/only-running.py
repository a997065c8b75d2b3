"""list_containers: only-running"""

def list_containers(root: str) -> list[dict]:
    found = []
    for id in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        try:
            container = state(root, id)
            if container["status"] == "running":
                found.append(container)
        except ContainerError:
            continue  # deleted since we looked, half made, or not a container at all
    return found
