"""list_containers: one-damaged-ends-it"""

def list_containers(root):
    if not os.path.isdir(root):
        return []
    return [state(root, id) for id in sorted(os.listdir(root))]
