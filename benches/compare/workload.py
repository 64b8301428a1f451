#!/usr/bin/env python3
"""Workloads for software OpenFlow switches: the same seed, the same bytes.

A scenario becomes a folder that any OpenFlow 1.3 switch can be fed from:

  flows.txt    flow entries as ovs-ofctl reads them, one a line, its number as the cookie
  groups.txt   groups, meters.txt  meters (only if there are some)
  p1.pcap      frames that come in by port 1, p2.pcap by port 2 (only if there are some)
  expect.json  for each frame of p1.pcap the index of the entry that it must hit (small rule sets, routes)
  meta.json    how many entries, packets, distinct flows and masks

usage: workload.py list
       workload.py --out FOLDER [--size BYTES] [--seed N] SCENARIO...
"""

import argparse
import bisect
import json
import os
import random

from frames import frame, ip_text, mac, mac_text, write_capture
from rules import first_match, header_within, mask_count, match_text, prefix_mask, rule_set, weighted

# Packets of a trace at least: never so few that a branch predictor learns them by heart.
SHORTEST = 8192


class Workload:
    def __init__(self, name):
        self.name, self.flows, self.groups, self.meters = name, [], [], []
        self.port1, self.port2, self.meta, self.expect = [], None, {}, None


def order(chance, count, length, skew=0.0):
    """`length` numbers below `count`: every one as often as every other, or some hot and a long tail
    (Zipf)."""
    if skew == 0:
        numbers = []
        while len(numbers) < length:
            each = list(range(count))
            chance.shuffle(each)
            numbers += each
        return numbers[:length]
    sums, total = [], 0.0
    for rank in range(count):
        total += 1.0 / (rank + 1) ** skew
        sums.append(total)
    numbers = list(range(count))
    chance.shuffle(numbers)
    return [numbers[bisect.bisect_left(sums, chance.random() * total)] for _ in range(length)]


def one_flow(name, actions, given):
    work = Workload(name)
    work.flows = ["table=0,priority=1,in_port=1,actions=%s" % actions]
    each = frame(mac(2), mac(1), 0x0A000001, 0x0A000002, 1000, 2000, size=given.size)
    work.port1 = [each] * SHORTEST
    work.meta = dict(distinct=1)
    return work


def many_flows(name, actions, given, count, flows=None, **kind):
    """One entry, or those given, and `count` flows of UDP."""
    work = Workload(name)
    chance = random.Random("%s-%d" % (name, given.seed))
    work.flows = flows or ["table=0,priority=1,in_port=1,actions=%s" % actions]
    frames = [
        frame(mac(0x20000 + i % 256), mac(0x10000 + i % 256), 0x0A000000 + i + 1, 0x0B000000 + i + 1,
              1024 + i % 60000, 2000, size=given.size, **kind)
        for i in range(count)
    ]
    work.port1 = [frames[i] for i in order(chance, count, max(SHORTEST, count))]
    work.meta = dict(distinct=count)
    return work


def addresses(count, given):
    """An entry for each Ethernet address."""
    work = Workload("l2-%d" % count)
    chance = random.Random("%s-%d" % (work.name, given.seed))
    work.flows = [
        "table=0,priority=1,dl_dst=%s,actions=output:2" % mac_text(mac(0x20000 + i)) for i in range(count)
    ]
    frames = [
        frame(mac(0x20000 + i), mac(0x900000 + i % 1024), 0x0A000001 + i, 0x0B000001 + i,
              1024 + i % 60000, 2000, size=given.size)
        for i in range(count)
    ]
    work.port1 = [frames[i] for i in order(chance, count, max(SHORTEST, count))]
    work.meta = dict(distinct=count)
    return work


def routes(count, given):
    """IPv4 routes, their prefixes as long as in the Internet's table; a router's rewrite."""
    work = Workload("lpm-%d" % count)
    chance = random.Random("%s-%d" % (work.name, given.seed))
    lengths = [(24, 55), (23, 8), (22, 10), (21, 5), (20, 5), (19, 3), (18, 2), (16, 6),
               (17, 1), (14, 1), (12, 1), (32, 3)]
    seen, table = set(), []
    while len(table) < count:
        length = weighted(chance, lengths)
        prefix = chance.randrange(1 << 24, 224 << 24) & prefix_mask(length)
        if (prefix, length) not in seen:
            seen.add((prefix, length))
            table.append((prefix, length))
    actions = "dec_ttl,mod_dl_src:02:00:00:00:aa:01,mod_dl_dst:02:00:00:00:bb:%02x,output:2"
    work.flows = [
        "table=0,priority=%d,ip,nw_dst=%s/%d,actions=%s" % (100 + length, ip_text(prefix), length, actions % (i % 16))
        for i, (prefix, length) in enumerate(table)
    ]
    numbers, work.expect = {route: number for number, route in enumerate(table)}, []
    for _ in range(max(SHORTEST, min(count, 100000))):
        prefix, length = table[chance.randrange(count)]
        source, address = 0x0A000000 + chance.randrange(1 << 16), prefix | chance.randrange(1 << 32 - length)
        work.port1.append(
            frame(mac(1), mac(2), source, address, 1024 + chance.randrange(60000), 80, size=given.size))
        work.expect.append(next(
            numbers[address & prefix_mask(length), length]
            for length in range(32, 0, -1) if (address & prefix_mask(length), length) in numbers))
    work.meta = dict(distinct=len(work.port1))
    return work


def rules_of(shape, count, given, many=0):
    """A rule set. `many` packets, each of another flow, which is more than an exact-match cache holds;
    otherwise fewer flows, some of them hot."""
    work = Workload("%s-%d%s" % (shape, count, "-many" if many else ""))
    rules = rule_set(shape, count, given.seed)
    chance = random.Random("trace-%s-%d" % (work.name, given.seed))
    # Priorities have 16 bits: in large sets neighbours share one.
    top = 60000
    step = max(1, (count + top - 1) // top)
    work.flows = [
        "table=0,priority=%d,%s,actions=%s" % (top - i // step, match_text(rule), "output:2" if i % 10 else "drop")
        for i, rule in enumerate(rules)
    ]
    work.flows.append("table=0,priority=0,actions=drop")
    length = min(max(SHORTEST, count), 65536)
    flows = [header_within(chance, rules[i]) for i in order(chance, count, many or length)]
    hot = list(range(many)) if many else order(chance, len(flows), length, 1.0)
    work.port1 = [frame(mac(2), mac(1), *flows[i][:4], proto=flows[i][4], size=given.size) for i in hot]
    work.meta = dict(distinct=len(set(hot)), rule_masks=mask_count(rules))
    if count <= 1000 and not many:
        numbered = list(enumerate(rules))
        work.expect = [first_match(numbered, flows[i]) for i in hot]
    return work


def masks(count, given):
    """As many masks as entries; which of them a packet hits is uniform."""
    work = Workload("masks-%d" % count)
    chance = random.Random("%s-%d" % (work.name, given.seed))
    combinations = [(a, b, c) for a in range(8, 33) for b in range(8, 33) for c in range(1, 17)]
    chance.shuffle(combinations)
    frames = []
    for i, (a, b, c) in enumerate(combinations[:count]):
        src = (chance.randrange(1, 224) << 24 | chance.randrange(1 << 24)) & prefix_mask(a)
        dst = (chance.randrange(1, 224) << 24 | chance.randrange(1 << 24)) & prefix_mask(b)
        mask = 0xFFFF << 16 - c & 0xFFFF
        port = chance.randrange(65536) & mask
        work.flows.append(
            "table=0,priority=%d,udp,nw_src=%s/%d,nw_dst=%s/%d,tp_dst=0x%x/0x%x,actions=output:2"
            % (1000 + a + b + c, ip_text(src), a, ip_text(dst), b, port, mask))
        frames.append(
            frame(mac(2), mac(1), src | chance.randrange(1 << 32) & ~prefix_mask(a) & 0xFFFFFFFF,
                  dst | chance.randrange(1 << 32) & ~prefix_mask(b) & 0xFFFFFFFF, 1024 + i % 60000,
                  port | chance.randrange(65536) & ~mask & 0xFFFF, size=given.size))
    work.flows.append("table=0,priority=0,actions=drop")
    work.port1 = [frames[i] for i in order(chance, count, max(SHORTEST, count))]
    work.meta = dict(distinct=count, rule_masks=count)
    return work


def explosion(given, is_full):
    """Tuple-space explosion (CVE-2019-25076): a few entries that allow and one that denies the rest; the
    trace has a packet for each combination of bits at which it first differs from them, so that a cache
    with wildcards needs a mask for each: 32*16, or 32*16*16."""
    work = Workload("tse-8k" if is_full else "tse-512")
    ip, dport, sport = 0x0A000001, 80, 12345
    work.flows = [
        "table=0,priority=30,tcp,tp_dst=%d,actions=output:2" % dport,
        "table=0,priority=20,tcp,nw_src=%s,actions=output:2" % ip_text(ip),
    ]
    if is_full:
        work.flows.append("table=0,priority=10,tcp,tp_src=%d,actions=output:2" % sport)
    work.flows.append("table=0,priority=0,actions=drop")
    chance = random.Random("%s-%d" % (work.name, given.seed))

    def differing(value, bit, width):
        """Equal above `bit`, different at it, anything below."""
        below = 1 << width - 1 - bit
        return (value ^ below) & ~(below - 1) | chance.randrange(below) if below > 1 else value ^ below

    for i in range(32):
        for j in range(16):
            for k in range(16) if is_full else [0]:
                work.port1.append(
                    frame(mac(2), mac(1), differing(ip, i, 32), 0x0B000001, differing(sport, k, 16),
                          differing(dport, j, 16), proto=6, size=given.size))
    chance.shuffle(work.port1)
    while len(work.port1) < SHORTEST:
        work.port1 += work.port1
    work.port1 = work.port1[:SHORTEST]
    work.meta = dict(distinct=8192 if is_full else 512)
    return work


def learning(count, given):
    """NORMAL: `count` hosts on each of two ports, in pairs."""
    work = Workload("normal-%d" % count)
    chance = random.Random("%s-%d" % (work.name, given.seed))
    work.flows = ["table=0,priority=0,actions=NORMAL"]
    there = [
        frame(mac(0x200000 + i), mac(0x100000 + i), 0x0A000001 + i, 0x0B000001 + i,
              1024 + i % 60000, 80, size=given.size)
        for i in range(count)
    ]
    back = [
        frame(mac(0x100000 + i), mac(0x200000 + i), 0x0B000001 + i, 0x0A000001 + i,
              80, 1024 + i % 60000, size=given.size)
        for i in range(count)
    ]
    work.port1 = [there[i] for i in order(chance, count, max(SHORTEST, count))]
    work.port2 = [back[i] for i in order(chance, count, max(SHORTEST, count))]
    work.meta = dict(distinct=2 * count)
    return work


def pipeline(count, given):
    """Three tables: admission by port, a filter, routes with a rewrite."""
    work = Workload("pipe3-%d" % count)
    chance = random.Random("%s-%d" % (work.name, given.seed))
    flows = work.flows
    flows.append("table=0,priority=10,in_port=1,actions=write_metadata:0x11,goto_table:1")
    for port in (23, 135, 139, 445, 1433):
        flows.append("table=1,priority=20,tcp,tp_dst=%d,actions=drop" % port)
        flows.append("table=1,priority=20,udp,tp_dst=%d,actions=drop" % port)
    flows.append("table=1,priority=1,actions=goto_table:2")
    for i in range(count):
        flows.append(
            "table=2,priority=10,metadata=0x11,ip,nw_dst=%s,actions=dec_ttl,"
            "set_field:02:00:00:00:aa:01->eth_src,set_field:%s->eth_dst,output:2"
            % (ip_text(0x0B000001 + i), mac_text(mac(0x20000 + i))))
    flows.append("table=2,priority=0,actions=drop")
    frames = [
        frame(mac(1), mac(0x900000 + i % 256), 0x0A000001 + i, 0x0B000001 + i, 1024 + i % 60000, 2000,
              size=given.size)
        for i in range(count)
    ]
    work.port1 = [frames[i] for i in order(chance, count, max(SHORTEST, count))]
    work.meta = dict(distinct=count)
    return work


def grouped(name, kind, given):
    work = many_flows(name, "group:1", given, 1000)
    weight = "weight:1,actions=" if kind == "select" else "actions="
    buckets = ["bucket=" + weight + "set_field:02:00:00:00:bb:%02x->eth_dst,output:2" % i for i in range(4)]
    work.groups = ["group_id=1,type=%s,%s" % (kind, ",".join(buckets))]
    return work


def metered(given):
    work = many_flows("meter", "meter:1,output:2", given, 1000)
    work.meters = ["meter=1,pktps,burst,band=type=drop,rate=4000000000,burst_size=4000000"]
    return work


def scenarios(given):
    """What makes each scenario, by its name."""
    def l2(count):
        return lambda: addresses(count, given)

    def lpm(count):
        return lambda: routes(count, given)

    def rules(shape, count, many=0):
        return lambda: rules_of(shape, count, given, many)

    def mask(count):
        return lambda: masks(count, given)

    return {
        "drop-1": lambda: one_flow("drop-1", "drop", given),
        "port-1": lambda: one_flow("port-1", "output:2", given),
        "port-1k": lambda: many_flows("port-1k", "output:2", given, 1000),
        "port-100k": lambda: many_flows("port-100k", "output:2", given, 100000),
        "vlan-push": lambda: many_flows(
            "vlan-push", "push_vlan:0x8100,set_field:4196->vlan_vid,output:2", given, 1000),
        "vlan-pop": lambda: many_flows(
            "vlan-pop", "", given, 1000, vlan=100,
            flows=["table=0,priority=1,in_port=1,dl_vlan=100,actions=pop_vlan,output:2"]),
        "setfield": lambda: many_flows(
            "setfield", "", given, 1000,
            flows=["table=0,priority=1,in_port=1,udp,actions=set_field:02:00:00:00:aa:01->eth_src,"
                   "set_field:02:00:00:00:bb:01->eth_dst,set_field:10.9.8.7->ip_dst,"
                   "set_field:4321->udp_dst,dec_ttl,output:2"]),
        "meter": lambda: metered(given),
        "group-select": lambda: grouped("group-select", "select", given),
        "group-all": lambda: grouped("group-all", "all", given),
        "l2-10": l2(10), "l2-1000": l2(1000), "l2-100000": l2(100000),
        "normal-1000": lambda: learning(1000, given),
        "pipe3-1000": lambda: pipeline(1000, given),
        "lpm-1000": lpm(1000), "lpm-10000": lpm(10000), "lpm-100000": lpm(100000),
        "acl-1000": rules("acl", 1000), "fw-1000": rules("fw", 1000), "ipc-1000": rules("ipc", 1000),
        "acl-1000-many": rules("acl", 1000, 100000),
        "fw-1000-many": rules("fw", 1000, 100000),
        "ipc-1000-many": rules("ipc", 1000, 100000),
        "acl-10000": rules("acl", 10000), "fw-10000": rules("fw", 10000), "ipc-10000": rules("ipc", 10000),
        "acl-100000": rules("acl", 100000), "fw-100000": rules("fw", 100000), "ipc-100000": rules("ipc", 100000),
        "masks-10": mask(10), "masks-100": mask(100), "masks-1000": mask(1000), "masks-10000": mask(10000),
        "tse-512": lambda: explosion(given, False),
        "tse-8k": lambda: explosion(given, True),
    }


def emit(work, given):
    folder = os.path.join(given.out, work.name)
    os.makedirs(folder, exist_ok=True)

    def put(name, lines):
        path = os.path.join(folder, name)
        if lines:
            with open(path, "w") as file:
                file.write("\n".join(lines) + "\n")
        elif os.path.exists(path):
            os.unlink(path)

    put("flows.txt", ["cookie=%d,%s" % (line, flow) for line, flow in enumerate(work.flows, 1)])
    put("groups.txt", work.groups)
    put("meters.txt", work.meters)
    write_capture(os.path.join(folder, "p1.pcap"), work.port1)
    if work.port2:
        write_capture(os.path.join(folder, "p2.pcap"), work.port2)
    if work.expect is not None:
        put("expect.json", [json.dumps(work.expect)])
    work.meta.update(name=work.name, rules=len(work.flows), packets=len(work.port1), size=given.size, seed=given.seed)
    # Last: a folder with this file is whole.
    put("meta.json", [json.dumps(work.meta, sort_keys=True)])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("scenario", nargs="+")
    parser.add_argument("--out", default="workloads")
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    makers = scenarios(given)
    if given.scenario == ["list"]:
        print("\n".join(makers))
        return
    for name in given.scenario:
        if name not in makers:
            parser.error("no scenario %s; `list` tells those there are" % name)
        emit(makers[name](), given)
        print(name, flush=True)


if __name__ == "__main__":
    main()
