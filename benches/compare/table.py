"""The comparison as text: a line for each scenario."""

# The least ratio to OVS's best mode that the project asks of itself.
WANTED = {
    "drop-1": 1.4, "port-1": 1.3, "port-1k": 1.3, "port-100k": 1.3, "vlan-push": 1.4, "vlan-pop": 2, "meter": 1.3,
    "l2-10": 1.6, "l2-1000": 2.5, "l2-100000": 4, "normal-1000": 2.5, "pipe3-1000": 1.8, "setfield": 2.5,
    "lpm-1000": 4, "lpm-10000": 6, "lpm-100000": 30,
    "acl-1000": 1.5, "fw-1000": 1.5, "ipc-1000": 1.5, "acl-10000": 1.5, "fw-10000": 1.5, "ipc-10000": 1.5,
    "acl-1000-many": 3.5, "fw-1000-many": 1000, "acl-100000": 8, "fw-100000": 100, "ipc-100000": 100,
    "masks-10": 1.4, "masks-100": 1.8, "masks-1000": 1.6, "masks-10000": 1000,
    "group-select": 4, "group-all": 3,
}

HEAD = "%-14s %7s %7s | %21s | %15s | %13s | %11s | %13s %6s %7s | %s" % (
    "scenario", "entries", "flows", "OVS best: min median", "without caches", "ours: min med", "floor OVS us",
    "ratio min med", "net", "caches-", "counters, wanted, template")


def number(value):
    return "-" if value is None else "%.0f" % value


def times(value):
    return "-" if value is None else "%.1fx" % value if value < 100 else "%.0fx" % value


def row(result):
    best = result["ovs"].get(result.get("best"), {})
    plain = result["ovs"].get("none", best if "simple match" in best.get("hits", {}) else {})
    name = result.get("best", "-") if "simple match" not in best.get("hits", {}) else "simple"
    floor = result["floor"]
    ratio = best.get("ratio", {})
    return "%-14s %7d %7d | %-6s %7s %7s%s | %7s %7s | %6s %6s | %5s %5s | %6s %6s %6s %7s | %s" % (
        result["name"], result["rules"], result["distinct"],
        name, number(best.get("min")), number(best.get("median")), " " if best.get("is_converged", True) else "!",
        number(plain.get("min")), number(plain.get("median")),
        number(result["ours"]["min"]), number(result["ours"]["median"]),
        number(floor["ovs"]["min"]), number(floor["ours"]["min"]),
        times(ratio.get("min")), times(ratio.get("median")), times(best.get("net_ratio", {}).get("min")),
        times(plain.get("ratio", {}).get("min")), closing(result, ratio))


def closing(result, ratio):
    words = [result.get("check", {}).get("verdict", "unchecked")]
    wanted = WANTED.get(result["name"])
    if wanted and ratio:
        words.append("wanted %gx%s" % (wanted, "" if ratio["min"] >= wanted else ": NOT REACHED"))
    words.append(", ".join(each["template"] for each in result["ours"]["tables"] if "template" in each))
    return "; ".join(word for word in words if word)


def remarks(result):
    for note in result["notes"]:
        yield "    " + note
    for difference in result.get("check", {}).get("differences", [])[:5]:
        yield "    counters: " + difference
    for mode, cost in result["ovs"].items():
        if not cost["is_converged"]:
            yield "    OVS %s did not come to rest in %.0f s: %.1f %% of packets miss its caches" % (
                mode, cost["warm_seconds"], 100 * cost["misses"])


def summary(results, seconds):
    verdicts = [result.get("check", {}).get("verdict") for result in results]
    asked = [result for result in results if result["name"] in WANTED and result.get("best")]
    reached = [
        result for result in asked
        if result["ovs"][result["best"]]["ratio"]["min"] >= WANTED[result["name"]]
    ]
    return "%d scenarios in %.0f s; counters equal in %d, ours right and Open vSwitch's not in %d, not compared to the " \
        "end in %d, different in %d; wanted ratio reached in %d of %d" % (
            len(results), seconds, verdicts.count("equal"), verdicts.count("ours right"),
            verdicts.count("not finished") + verdicts.count(None), verdicts.count("differ"), len(reached), len(asked))
