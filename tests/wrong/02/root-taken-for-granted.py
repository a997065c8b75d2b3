"""list_containers: root-taken-for-granted"""

def list_containers(root: str) -> list[dict]:
    found = []
    for id in sorted(os.listdir(root)):
        try:
            found.append(state(root, id))
        except ContainerError:
            continue  # deleted since we looked, half made, or not a container at all
    return found
