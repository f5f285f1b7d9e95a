#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: page.py well-formed FILE | pixels PNG DARK | runs PNG DARK

well-formed: every element of the page is closed in its order, and nothing in it is fetched or run.
pixels: background and text of a screenshot are those of the light or dark colours, with enough contrast (WCAG 2.1, 1.4.3).
runs: of each row of "signs" bars in a screenshot, where it begins and ends: "X1 X2" lines from the top."""

import html.parser
import sys

LIGHT, DARK = ({"bg": (255, 255, 255), "fg": (28, 36, 48), "signs": (31, 111, 84)},
               {"bg": (20, 24, 30), "fg": (230, 234, 240), "signs": (76, 195, 138)})
VOID = {"meta", "br", "link", "img", "input", "hr"}
FORBIDDEN = {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use", "foreignobject"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.policy = [], set(), None

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        assert tag not in FORBIDDEN, f"<{tag}>"
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "href", "srcset", "action", "data"), f"<{tag} {name}>"
            assert value is None or "url(" not in value, f"<{tag} {name}={value}>"
        if names.get("http-equiv") == "Content-Security-Policy":
            self.policy = names["content"]
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            assert "url(" not in data and "@import" not in data


def well_formed(path):
    page = Page()
    with open(path, encoding="utf-8") as f: # strictly
        page.feed(f.read())
    page.close()
    assert not page.open, page.open
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'", page.policy
    assert {"html", "head", "title", "body", "main", "h1", "h2"} <= page.seen


def luminance(colour):
    parts = [c / 255 for c in colour]
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def image(path):
    from PIL import Image
    return Image.open(path).convert("RGB")


def pixels(path, dark):
    colours, picture = (LIGHT, DARK)[dark], image(path)
    counts = {colour: n for n, colour in picture.getcolors(1 << 24)}
    assert max(counts, key=counts.get) == colours["bg"], max(counts, key=counts.get)
    for name in ("fg", "signs"):
        assert counts.get(colours[name], 0) > 100, (name, counts.get(colours[name]))
    a, b = luminance(colours["bg"]), luminance(colours["fg"])
    assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 7
    assert not {c for c in (LIGHT, DARK)[not dark].values() if counts.get(c, 0) > 100}


def runs(path, dark):
    colour, picture = (LIGHT, DARK)[dark]["signs"], image(path)
    data, last = picture.load(), None
    for y in range(picture.height):
        xs = [x for x in range(picture.width) if data[x, y] == colour]
        if len(xs) < 60: # a legend, a letter
            last = None
            continue
        if last is None:
            print(xs[0], xs[-1])
        last = xs


if __name__ == "__main__":
    if sys.argv[1] == "well-formed":
        well_formed(sys.argv[2])
    else:
        {"pixels": pixels, "runs": runs}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
