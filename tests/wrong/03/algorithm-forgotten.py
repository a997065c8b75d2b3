"""digest_of: algorithm-forgotten"""


def digest_of(content):
    return hashlib.sha256(content).hexdigest()
