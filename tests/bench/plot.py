# SPDX-License-Identifier: Apache-2.0
"""Line plots as SVG, drawn by hand: no library is needed to run the benchmark."""
import html
import math

COLOURS = ["#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#7a4fa3", "#00798c", "#8d6a3f", "#555555", "#c06c84"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 70, 190, 44, 52


class Axis:
    """Maps values to pixels, linear or logarithmic."""

    def __init__(self, low, high, start, end, log=False):
        self.log, self.start, self.end = log, start, end
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)
        if self.high <= self.low:
            self.high = self.low + 1

    def at(self, value):
        value = math.log10(max(value, 1e-9)) if self.log else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self):
        if self.log:
            return [m * 10.0**e for e in range(math.floor(self.low), math.ceil(self.high) + 1) for m in (1, 2, 5)
                    if self.low - 1e-9 <= math.log10(m * 10.0**e) <= self.high + 1e-9]
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 7)
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, int(self.high / step) + 1)]


def number(value):
    return f"{value:g}" if value < 10000 else f"{value / 1000:g}k"


def text(x, y, words, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{html.escape(words)}</text>'


def grid(xs, ys, x_ticks):
    out = []
    for value in ys.ticks():
        y = ys.at(value)
        out.append(f'<line x1="{xs.start}" x2="{xs.end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>')
        out.append(text(xs.start - 8, y + 4, number(value), 'text-anchor="end"'))
    for value in x_ticks:
        x = xs.at(value)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{ys.start}" y2="{ys.start + 5}" stroke="#555"/>')
        out.append(text(x, ys.start + 19, number(value), 'text-anchor="middle"'))
    out.append(f'<path d="M{xs.start} {ys.end}V{ys.start}H{xs.end}" fill="none" stroke="#555"/>')
    return out


def series(name, points, colour, place, xs, ys):
    """points: (x, y, low, high), low and high as error bars or None."""
    out = []
    path = " ".join(f"{'L' if i else 'M'}{xs.at(p[0]):.1f} {ys.at(p[1]):.1f}" for i, p in enumerate(points))
    out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for x, y, low, high in points:
        out.append(f'<circle cx="{xs.at(x):.1f}" cy="{ys.at(y):.1f}" r="{3 if len(points) < 20 else 1.5}" fill="{colour}"/>')
        if low is not None:
            out.append(f'<line x1="{xs.at(x):.1f}" x2="{xs.at(x):.1f}" y1="{ys.at(low):.1f}" y2="{ys.at(high):.1f}" '
                       f'stroke="{colour}" stroke-width="1"/>')
    y = TOP + 8 + 20 * place
    out.append(f'<line x1="{xs.end + 14}" x2="{xs.end + 34}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
    out.append(text(xs.end + 40, y + 4, name))
    return out


def plot(path, title, x_label, y_label, lines, *, log_x=False, log_y=False, x_ticks=None, mark=None):
    """lines: [(name, [(x, y, low, high)])]; mark: (x, words), an upright line."""
    points = [p for _, line in lines for p in line]
    if not points:
        return False
    lows = [p[2] if p[2] is not None else p[1] for p in points]
    highs = [p[3] if p[3] is not None else p[1] for p in points]
    xs = Axis(min(p[0] for p in points), max(p[0] for p in points), LEFT, WIDTH - RIGHT, log_x)
    ys = Axis(max(min(lows), 1e-3) * 0.8 if log_y else 0, max(*highs, 1e-3) * 1.05, HEIGHT - BOTTOM, TOP, log_y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12" fill="#222">',
           "<!-- SPDX-License-Identifier: Apache-2.0 -->",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', text(LEFT, 24, title, 'font-size="15" font-weight="bold"')]
    out += grid(xs, ys, x_ticks or xs.ticks())
    if mark:
        x = xs.at(mark[0])
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#999" stroke-dasharray="4 3"/>')
        out.append(text(x + 4, TOP + 10, mark[1], 'fill="#666"'))
    for place, (name, line) in enumerate(lines):
        out += series(name, line, COLOURS[place % len(COLOURS)], place, xs, ys)
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, 'text-anchor="middle"'))
    out.append(text(0, 0, y_label, f'text-anchor="middle" transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"'))
    path.write_text("\n".join(out + ["</svg>"]) + "\n", encoding="utf-8")
    return True
