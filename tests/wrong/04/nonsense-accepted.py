"""parse_challenge: nonsense-accepted"""


def parse_challenge(header):
    challenges = []
    for element in ELEMENT.finditer(header):
        if element["scheme"]:
            token68 = {"token68": element["token68"]} if element["token68"] else {}
            challenges.append(Challenge(element["scheme"].lower(), token68))
        elif challenges:
            value = element["plain"] or re.sub(r"\\(.)", r"\1", element["quoted"])
            challenges[-1].parameters[element["name"].lower()] = value
    return challenges
