"""parse_challenge: only-quotes-unescaped"""


def parse_challenge(header: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None or (element["name"] and not challenges):
            raise BadChallenge(f"can't make sense of WWW-Authenticate: {header[:200]}")
        position = element.end()
        if element["scheme"]:
            parameters = {"token68": element["token68"]} if element["token68"] else {}
            challenges.append(Challenge(element["scheme"].lower(), parameters))
        elif element["quoted"] is not None:
            value = element["quoted"].replace('\\"', '"')
            challenges[-1].parameters[element["name"].lower()] = value
        else:
            challenges[-1].parameters[element["name"].lower()] = element["plain"]
    return challenges
