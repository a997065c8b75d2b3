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


def hard_to_read(svg: str) -> list[str]:
    """The texts beside the filled boxes that are not seen well on both white and black."""
    bare = {"graph", "frame", "edge", "plain"}
    groups = [g for g in parsed(svg).iter(f"{SVG}g") if bare & set(g.get("class", "").split())]
    texts = [text for group in groups for text in group.findall(f"{SVG}text")]
    faint = [text for text in texts if min(contrasts(text.get("fill", ""))) < 4]
    return sorted("".join(text.itertext()).strip() for text in faint)


def contrasts(colour: str) -> tuple[float, float]:
    """Of #rrggbb: with white, and with the black of dark themes. WCAG 2.2, "contrast ratio"."""
    return (
        1.05 / (luminance(colour) + 0.05),
        (luminance(colour) + 0.05) / (luminance("#111111") + 0.05),
    )


def luminance(colour: str) -> float:
    """The relative luminance of #rrggbb, 0 to 1. WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))
