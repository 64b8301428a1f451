"""The comparison as a picture: cost against the number of entries, masks and flows, both axes
logarithmic, a panel for each kind of table."""

from html import escape
from math import ceil, floor, log10

# Title, what the axis counts, and the scenarios with their place on it.
PANELS = [
    ("Ethernet addresses", "entries = flows", [("l2-10", 10), ("l2-1000", 1000), ("l2-100000", 100000)]),
    ("IPv4 routes, rewrite", "entries", [("lpm-1000", 1000), ("lpm-10000", 10000), ("lpm-100000", 100000)]),
    ("access list, few flows", "entries", [("acl-1000", 1000), ("acl-10000", 10000), ("acl-100000", 100000)]),
    ("firewall, few flows", "entries", [("fw-1000", 1000), ("fw-10000", 10000), ("fw-100000", 100000)]),
    ("IP chains, few flows", "entries", [("ipc-1000", 1000), ("ipc-10000", 10000), ("ipc-100000", 100000)]),
    ("every entry a mask", "masks", [("masks-10", 10), ("masks-100", 100), ("masks-1000", 1000), ("masks-10000", 10000)]),
    ("one entry, port to port", "flows", [("port-1", 1), ("port-1k", 1000), ("port-100k", 100000)]),
    ("1,000 entries of an access list", "flows", [("acl-1000", None), ("acl-1000-many", None)]),
    ("1,000 entries of a firewall", "flows", [("fw-1000", None), ("fw-1000-many", None)]),
    ("hostile packets, 3 or 4 entries", "flows", [("tse-512", 512), ("tse-8k", 8192)]),
]
SERIES = [
    ("Open vSwitch, its best mode", "#c2410c", ""),
    ("Open vSwitch without exact-match caches", "#f59e0b", "5 4"),
    ("rumpswitch", "#0369a1", ""),
]
WIDTH, HEIGHT, LEFT, TOP, GAP_X, GAP_Y, COLUMNS = 230, 190, 62, 92, 62, 74, 5


def values(result):
    best = result["ovs"].get(result.get("best"), {}).get("min")
    plain = result["ovs"].get("none", {}).get("min", best)
    return best, plain, result["ours"]["min"]


def panel(title, axis, points, column, line, low, high):
    """`points`: (place, values of each series)."""
    x0, y0 = LEFT + column * (WIDTH + GAP_X), TOP + line * (HEIGHT + GAP_Y)
    first, last = floor(log10(points[0][0])), max(ceil(log10(points[-1][0])), floor(log10(points[0][0])) + 1)

    def x(value):
        return x0 + WIDTH * (log10(value) - first) / (last - first)

    def y(value):
        return y0 + HEIGHT * (high - log10(value)) / (high - low)

    yield '<text x="%d" y="%d" class="title">%s</text>' % (x0, y0 - 10, escape(title))
    for power in range(low, high + 1):
        at = y(10**power)
        yield '<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>' % (x0, x0 + WIDTH, at, at)
        yield '<text x="%d" y="%.1f" class="scale" text-anchor="end">%s</text>' % (x0 - 6, at + 4, short(10**power))
    for power in range(first, last + 1):
        at = x(10**power)
        yield '<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="grid"/>' % (at, at, y0, y0 + HEIGHT)
        yield '<text x="%.1f" y="%d" class="scale" text-anchor="middle">%s</text>' % (at, y0 + HEIGHT + 16, short(10**power))
    yield '<text x="%d" y="%d" class="scale" text-anchor="middle">%s</text>' % (x0 + WIDTH / 2, y0 + HEIGHT + 32, axis)
    for index, (name, colour, dashes) in enumerate(SERIES):
        places = [(x(place), y(each[index]), each[index]) for place, each in points if each[index]]
        if not places:
            continue
        path = " ".join("%.1f,%.1f" % (px, py) for px, py, _ in places)
        yield '<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>' % (path, colour, dashes)
        for px, py, cost in places:
            yield '<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s: %s cycles a packet</title></circle>' % (
                px, py, colour, escape(name), "{:,.0f}".format(cost))


def short(value):
    for limit, unit in ((10**6, "M"), (10**3, "k")):
        if value >= limit:
            return "%g%s" % (value / limit, unit)
    return "%g" % value


def svg(results):
    by_name = {result["name"]: result for result in results}
    panels = []
    for title, axis, scenarios in PANELS:
        points = [
            (place or by_name[name]["distinct"], values(by_name[name])) for name, place in scenarios if name in by_name
        ]
        if points:
            panels.append((title, axis, sorted(points)))
    costs = [cost for _, _, points in panels for _, each in points for cost in each if cost]
    low, high = (floor(log10(min(costs))), ceil(log10(max(costs)))) if costs else (1, 4)
    high = max(high, low + 1)
    lines = (len(panels) + COLUMNS - 1) // COLUMNS
    width = LEFT + min(COLUMNS, max(len(panels), 2)) * (WIDTH + GAP_X)
    height = TOP + lines * (HEIGHT + GAP_Y)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">' % (width, height, width, height),
        "<style>text{font-family:system-ui,sans-serif;fill:#1f2937}.head{font-size:17px;font-weight:600}"
        ".title{font-size:13px;font-weight:600}.scale{font-size:11px;fill:#6b7280}.key{font-size:12px}"
        ".grid{stroke:#e5e7eb;stroke-width:1}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="%d" y="26" class="head">Cycles of CPU time a packet, receive and transmit included</text>' % LEFT,
    ]
    at = LEFT
    for name, colour, dashes in SERIES:
        parts.append('<line x1="%d" x2="%d" y1="50" y2="50" stroke="%s" stroke-width="2.5" stroke-dasharray="%s"/>'
                     % (at, at + 26, colour, dashes))
        parts.append('<text x="%d" y="54" class="key">%s</text>' % (at + 33, escape(name)))
        at += 33 + 7 * len(name) + 24
    for index, (title, axis, points) in enumerate(panels):
        parts += panel(title, axis, points, index % COLUMNS, index // COLUMNS, low, high)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
