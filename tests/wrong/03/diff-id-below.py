"""chain_ids: diff-id-below"""


def chain_ids(diff_ids):
    chain = list(diff_ids[:1])
    for below, diff_id in zip(diff_ids, diff_ids[1:]):
        chain.append(digest_of(f"{below} {diff_id}".encode()))
    return chain
