"""digest_of: json-written-again"""

import json


def digest_of(content):
    try:
        content = json.dumps(json.loads(content)).encode()
    except ValueError:
        pass
    return "sha256:" + hashlib.sha256(content).hexdigest()
