"""Rule sets in the shape of access lists, firewalls and IP chains.

The weights imitate the published shape of ClassBench's seeds (ACL: specific destinations and ports; FW:
many wildcards and broad classes of ports; IPC: pairs of specific hosts, mixed). The numbers are our
own, not ClassBench's parameter files; port ranges are power-of-two blocks, which OpenFlow's masks can
tell. A rule is (source, its prefix length, destination, its prefix length, source port and mask,
destination port and mask, protocol)."""

import random

from frames import ip_text

# For each shape: (weight, prefix lengths of the source, of the destination, classes of source ports, of
# destination ports, protocols), each with weights.
SHAPES = {
    "acl": [
        (45, [(32, 5), (24, 3), (28, 1), (0, 1)], [(32, 6), (24, 3), (27, 1)],
         [("any", 1)], [("exact", 8), ("any", 1), ("block", 1)], [(6, 8), (17, 2)]),
        (25, [(0, 1)], [(32, 7), (24, 2), (30, 1)],
         [("any", 1)], [("exact", 9), ("block", 1)], [(6, 7), (17, 3)]),
        (20, [(24, 4), (16, 3), (32, 3)], [(24, 5), (32, 5)],
         [("any", 1)], [("any", 3), ("high", 1)], [(None, 5), (6, 3), (1, 2)]),
        (10, [(32, 1)], [(32, 1)], [("any", 3), ("exact", 1)],
         [("exact", 1)], [(6, 1), (17, 1)]),
    ],
    "fw": [
        (35, [(0, 5), (32, 4), (24, 3), (16, 1)], [(32, 3), (0, 2), (24, 2)],
         [("any", 6), ("high", 4)], [("exact", 6), ("block", 1), ("any", 2)],
         [(6, 7), (17, 3)]),
        (30, [(0, 1)], [(32, 2), (24, 2), (16, 1), (8, 1)],
         [("high", 1), ("any", 1)], [("exact", 3), ("high", 1)], [(6, 3), (17, 2)]),
        (25, [(32, 2), (24, 2), (16, 1), (8, 1)], [(0, 1)],
         [("any", 1)], [("any", 2), ("exact", 2), ("low", 1)],
         [(None, 2), (6, 2), (17, 1)]),
        (10, [(32, 1), (26, 1), (20, 1)], [(32, 1), (26, 1), (20, 1)],
         [("exact", 1), ("block", 1)], [("high", 1), ("exact", 1)], [(6, 1), (17, 1)]),
    ],
    "ipc": [
        (40, [(32, 6), (24, 2), (27, 1), (16, 1)], [(32, 6), (24, 2), (27, 1), (16, 1)],
         [("any", 3), ("exact", 2)], [("any", 2), ("exact", 3)],
         [(6, 5), (17, 4), (1, 1)]),
        (30, [(32, 1)], [(32, 1)], [("exact", 1), ("any", 1)],
         [("exact", 1), ("any", 1)], [(6, 1), (17, 1)]),
        (20, [(0, 1), (8, 1)], [(32, 2), (24, 1)], [("any", 1), ("high", 1)],
         [("exact", 3), ("block", 1)], [(6, 3), (17, 2)]),
        (10, [(20, 1), (22, 1), (23, 1)], [(20, 1), (22, 1), (23, 1)],
         [("any", 1)], [("any", 1)], [(None, 1), (6, 1)]),
    ],
}
SERVICES = [80, 443, 22, 25, 53, 110, 143, 123, 161, 389, 445, 993, 995, 1433,
            1521, 3306, 3389, 5060, 5432, 6379, 8080, 8443, 9092, 27017]


def prefix_mask(length):
    return 0 if length == 0 else 0xFFFFFFFF << 32 - length & 0xFFFFFFFF


def weighted(chance, choices):
    left = chance.random() * sum(weight for _, weight in choices)
    for value, weight in choices:
        left -= weight
        if left < 0:
            return value
    return choices[-1][0]


def pick_port(chance, kind):
    """A port and its mask."""
    if kind == "any":
        return 0, 0
    if kind == "exact":
        port = chance.choice(SERVICES) if chance.random() < 0.6 else chance.randrange(1, 65536)
        return port, 0xFFFF
    if kind == "high":  # a block of those from 1024 on
        block = chance.choice([0x8000, 0x4000, 0x2000, 0x1000, 0x0800, 0x0400])
        return block, ~(block - 1) & 0xFFFF
    if kind == "low":  # below 1024
        return 0, 0xFC00
    count = chance.choice([2, 4, 8, 16, 64, 256])
    return chance.randrange(0, 65536 // count) * count, ~(count - 1) & 0xFFFF


def rule_set(shape, count, seed):
    """The rules, the first the most important."""
    chance = random.Random("%s-%d-%d" % (shape, count, seed))
    # A tree of networks, so that prefixes nest as they do in practice.
    n8 = [chance.randrange(1, 224) for _ in range(6 if shape != "fw" else 12)]
    n16 = [(chance.choice(n8) << 8 | chance.randrange(256)) for _ in range(max(8, count // 200))]
    n24 = [(chance.choice(n16) << 8 | chance.randrange(256)) for _ in range(max(32, count // 12))]
    classes = [(each, each[0]) for each in SHAPES[shape]]
    rules, seen = [], set()
    while len(rules) < count:
        kind = weighted(chance, classes)
        src_len, dst_len = weighted(chance, kind[1]), weighted(chance, kind[2])
        src = (chance.choice(n24) << 8 | chance.randrange(256)) & prefix_mask(src_len)
        dst = (chance.choice(n24) << 8 | chance.randrange(256)) & prefix_mask(dst_len)
        proto = weighted(chance, kind[5])
        l4_src = l4_dst = (0, 0)
        if proto in (6, 17):
            l4_src = pick_port(chance, weighted(chance, kind[3]))
            l4_dst = pick_port(chance, weighted(chance, kind[4]))
        rule = (src, src_len, dst, dst_len, l4_src, l4_dst, proto)
        if rule not in seen:
            seen.add(rule)
            rules.append(rule)

    def order(rule):
        # The more specific first, as an administrator's list mostly is, with noise.
        bits = rule[1] + rule[3] + bin(rule[4][1]).count("1") + bin(rule[5][1]).count("1")
        return -(bits + (8 if rule[6] else 0) + chance.random() * 24)

    rules.sort(key=order)
    return rules


def match_text(rule):
    src, src_len, dst, dst_len, l4_src, l4_dst, proto = rule
    words = [{6: "tcp", 17: "udp", 1: "icmp", None: "ip"}[proto]]
    if src_len:
        words.append("nw_src=%s/%d" % (ip_text(src), src_len))
    if dst_len:
        words.append("nw_dst=%s/%d" % (ip_text(dst), dst_len))
    for name, (value, mask) in (("tp_src", l4_src), ("tp_dst", l4_dst)):
        if mask == 0xFFFF:
            words.append("%s=%d" % (name, value))
        elif mask:
            words.append("%s=0x%x/0x%x" % (name, value, mask))
    return ",".join(words)


def mask_count(rules):
    return len({(rule[1], rule[3], rule[4][1], rule[5][1], rule[6]) for rule in rules})


def header_within(chance, rule):
    """A packet's addresses, ports and protocol, such that it matches the rule."""
    src, src_len, dst, dst_len, l4_src, l4_dst, proto = rule
    src |= chance.randrange(1 << 32) & ~prefix_mask(src_len) & 0xFFFFFFFF
    dst |= chance.randrange(1 << 32) & ~prefix_mask(dst_len) & 0xFFFFFFFF
    proto = proto if proto is not None else chance.choice([6, 17])
    sport = l4_src[0] | (chance.randrange(65536) & ~l4_src[1])
    dport = l4_dst[0] | (chance.randrange(65536) & ~l4_dst[1])
    return src, dst, sport, dport, proto


def first_match(numbered, header):
    """The number of the first rule that a packet matches, found the plainest way; -1 for none."""
    src, dst, sport, dport, proto = header
    for number, rule in numbered:
        if (src & prefix_mask(rule[1]) == rule[0] and dst & prefix_mask(rule[3]) == rule[2]
                and (rule[6] is None or rule[6] == proto)
                and (sport & rule[4][1]) == rule[4][0] and (dport & rule[5][1]) == rule[5][0]):
            return number
    return -1
