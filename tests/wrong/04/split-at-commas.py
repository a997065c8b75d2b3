"""parse_challenge: split-at-commas"""


def parse_challenge(header):
    challenges = []
    for part in header.split(","):
        first, space, rest = part.strip().partition(" ")
        if "=" not in first:
            challenges.append(Challenge(first.lower(), {}))
            part = rest
        name, equals, value = part.partition("=")
        if equals:
            challenges[-1].parameters[name.strip().lower()] = value.strip().strip('"')
    return challenges
