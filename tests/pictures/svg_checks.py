"""Reading a picture back: what boxes are there, what do they say, is anything alive in it?"""

import xml.etree.ElementTree as ET

from minicontainer.pictures.render import SVG

HARMLESS = {"svg", "g", "path", "polygon", "polyline", "ellipse", "text", "tspan", "title"}


def parsed(svg: str) -> ET.Element:
    """The picture's root; fails when an element or attribute could run or fetch something."""
    root = ET.fromstring(svg)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in HARMLESS, element.tag
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), name
            assert "href" not in name.lower(), name
            assert name != "style" or value == "white-space:pre"
    return root


def boxes(svg: str) -> dict[str, list[str]]:
    """The lines of each node, by its name in DOT."""
    found = {}
    for group in parsed(svg).iter(f"{SVG}g"):
        name = group.get("data-node")
        if name:
            lines = ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]
            found[name] = [line.replace("\xa0", " ") for line in lines]
    return found


def kinds(svg: str) -> list[str]:
    """The kinds of all boxes, sorted: index, layer, shared, …"""
    groups = parsed(svg).iter(f"{SVG}g")
    return sorted(g.get("class", "").split()[-1] for g in groups if g.get("data-node"))


def edges(svg: str) -> int:
    return sum("edge" in g.get("class", "").split() for g in parsed(svg).iter(f"{SVG}g"))
