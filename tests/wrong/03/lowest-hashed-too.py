"""chain_ids: lowest-hashed-too"""


def chain_ids(diff_ids):
    chain = []
    below = ""
    for diff_id in diff_ids:
        below = digest_of(f"{below} {diff_id}".encode())
        chain.append(below)
    return chain
