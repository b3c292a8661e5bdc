"""Drawings of matplotlib as SVG inside a page: without styles, which its policy forbids, and with unique ids."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from ugbench.visible import visible

_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w-]+)")
_FONT_SIZE = re.compile(r"([\d.]+)px")


def svg_of(figure: Figure, description: str = "", titles: Mapping[Any, str] | None = None) -> Markup:
    """The drawing as an <svg> element. Equal figures give equal texts.

    Args:
        description: in words, for those who do not see the drawing; empty where a text beside it says the same.
        titles: for each artist the text that is shown when the pointer is on it.
    """
    titles = titles or {}
    titles_by_id = {f"titled{place}": title for place, title in enumerate(titles.values())}
    for artist, identifier in zip(titles, titles_by_id, strict=True):
        artist.set_gid(identifier)
    content = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ugbench"}):
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(content, format="svg", transparent=True, metadata=metadata)
    prefix = hashlib.sha256(content.getvalue().encode()).hexdigest()[:8]  # several drawings share a page
    root = ElementTree.fromstring(content.getvalue())
    elements = list(root.iter())
    for element in elements:
        element.tag = element.tag.rpartition("}")[2]
        _make_plain(element)
        title = titles_by_id.get(element.get("id", ""))
        if title is not None:
            child = ElementTree.Element("title")
            child.text = visible(title)
            element.insert(0, child)
    _rename_ids(elements, prefix)
    for parent in elements:
        for child in [child for child in parent if child.tag in ("metadata", "style")]:
            parent.remove(child)
    view_box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib |= {"class": "drawn", "viewBox": view_box}
    root.attrib |= {"role": "img", "aria-label": visible(description)} if description else {"aria-hidden": "true"}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _make_plain(element: ElementTree.Element) -> None:
    """Turn the styles of an element into attributes, without fonts, and shorten its numbers."""
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    for declaration in filter(None, map(str.strip, attributes.pop("style", "").split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in ("font", "font-size") and (size := _FONT_SIZE.search(value)):
            attributes["font-size"] = size[1]
        elif not name.startswith("font"):
            attributes[name] = value
    if "d" in attributes:
        attributes["d"] = " ".join(attributes["d"].split())
    element.attrib.clear()
    for name, value in attributes.items():
        element.set(name, value if name == "id" else _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value))
    if element.tag != "text":
        element.text = None
    element.tail = None


def _rename_ids(elements: list[ElementTree.Element], prefix: str) -> None:
    """Put a prefix before each id that is referred to, and remove all other ids."""
    references = [(element, name, value) for element in elements for name, value in element.attrib.items()]
    references = [(element, name, value) for element, name, value in references if name in ("href", "clip-path")]
    used = {name for *_, value in references for name in _REFERENCE.findall(value)}
    for element, name, value in references:
        element.set(name, _REFERENCE.sub(lambda found: f"#{prefix}-{found[1]}", value))
    for element in elements:
        if (name := element.attrib.pop("id", "")) in used:
            element.set("id", f"{prefix}-{name}")
