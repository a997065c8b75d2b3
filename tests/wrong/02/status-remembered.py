"""state: status-remembered"""

def state(root, id):
    record = load(root, id)
    return public_state(record, record.get("status", "created"))
