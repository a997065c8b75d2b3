"""parse_challenge: header-taken-on-trust"""


def parse_challenge(header):
    challenges = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        position = element.end()
        if element["scheme"]:
            challenges.append(Challenge(element["scheme"].lower(), {}))
            if element["token68"]:
                challenges[-1].parameters["token68"] = element["token68"]
            continue
        value = element["plain"]
        if element["quoted"] is not None:
            value = re.sub(r"\\(.)", r"\1", element["quoted"])
        challenges[-1].parameters[element["name"].lower()] = value
    return challenges
