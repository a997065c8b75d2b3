"""parse_challenge: quotes-kept"""

import re


def parse_challenge(header):
    scheme, _, rest = header.partition(" ")
    parameters = {}
    for name, value in re.findall(r'(\w+)=("[^"]*"|[^",]+)', rest):
        parameters[name.lower()] = value
    return [Challenge(scheme.lower(), parameters)]
