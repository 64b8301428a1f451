#!/usr/bin/env python3
"""Open vSwitch's userspace datapath and `rumpswitch replay` on the same traces and flow entries, on the
same core, taking turns. `run.sh` installs and builds what this needs, and calls it; README.md says how
to read what comes out."""

import argparse
import fnmatch
import json
import os
import platform
import signal
import subprocess
import sys
import time

import ours
import plot
import table
from frames import cut_capture
from ovs import DEBIAN, HITS, MISSES, MODES, SCHEMA, Ovs, io_floor
from side import Failed, least_and_median

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, prog="run.sh")
    parser.add_argument("scenario", nargs="*", help="names, or patterns as acl-*; all of them if none is given")
    parser.add_argument("--quick", action="store_true", help="few and short repetitions, short warm-ups")
    parser.add_argument("--reps", type=int, help="repetitions of each side for each mode (7; 3 if quick)")
    parser.add_argument("--seconds", type=float, help="a repetition (0.5; 0.25 if quick)")
    parser.add_argument("--warm", type=float, help="seconds that OVS's caches may take to fill (25; 5 if quick)")
    parser.add_argument("--core", type=int, default=os.cpu_count() - 1, help="the core that both forward on")
    parser.add_argument("--modes", default="emc,smc,none", help="OVS's, of %s" % ", ".join(MODES))
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    parser.add_argument("--ovs", metavar="PROGRAM", default=DEBIAN,
                        help="an ovs-vswitchd with DPDK that was built -O3 -march=native; ours is then built "
                             "for this processor, too")
    parser.add_argument("--ovs-schema", metavar="FILE", default=SCHEMA)
    parser.add_argument("--no-ovs", action="store_true", help="our side alone")
    parser.add_argument("--no-check", action="store_true", help="compare no counters")
    parser.add_argument("--no-huge", action="store_true", help="give DPDK ordinary pages")
    parser.add_argument("--workloads", metavar="FOLDER", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--floor-program", help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--huge-folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.modes = given.modes.split(",")
    if any(mode not in MODES for mode in given.modes):
        parser.error("--modes: %s are known" % ", ".join(MODES))
    given.reps = given.reps or (3 if given.quick else 7)
    given.seconds = given.seconds or (0.25 if given.quick else 0.5)
    given.warm = given.warm or (5 if given.quick else 25)
    given.memory = "--no-huge --legacy-mem -m 1300" if given.no_huge or not given.huge_folder \
        else "--huge-dir=" + given.huge_folder
    return given


class Comparison:
    def __init__(self, given):
        self.given, self.floors, self.results = given, {}, []
        self.ovs = None
        self.rate = None

    def scenario(self, name):
        given = self.given
        folder = os.path.join(given.workloads, name)
        meta = json.load(open(os.path.join(folder, "meta.json")))
        captures = {1: os.path.join(folder, "p1.pcap")}
        if os.path.exists(os.path.join(folder, "p2.pcap")):
            captures[2] = os.path.join(folder, "p2.pcap")
        result = dict(meta, ovs={}, notes=[])
        replay = ours.Replay(given.program, given.core, folder, captures, given.seconds)
        try:
            nanos = []
            if self.ovs:
                try:
                    nanos = self.beside_ovs(folder, captures, meta, replay, result)
                except Failed as failure:
                    result["notes"].append("Open vSwitch: %s" % failure)
            # Also where OVS was not there, or failed.
            while len(nanos) < given.reps:
                nanos.append(replay.repetition()["cpu_ns_per_packet"])
            report = replay.finish()
        finally:
            replay.stop()
        self.rate = report["cost"]["tsc_hz"] or self.rate
        result["tsc_hz"] = self.rate
        result["ours"] = self.our_cost(report, nanos)
        result["floor"] = self.floor(meta, folder, captures)
        self.conclude(result)
        return result

    def beside_ovs(self, folder, captures, meta, replay, result):
        """All modes of OVS, each with repetitions of ours between; tells the nanoseconds of ours."""
        given = self.given
        result["ovs_load_seconds"] = self.ovs.load(folder)
        if not given.no_check:
            result["check"] = self.check(folder, captures, meta)
        self.ovs.unplug(*sorted({2, *captures}))
        self.ovs.plug(captures, True)
        every = []
        for mode in self.modes_for(meta):
            self.ovs.ask("dpif-netdev/pmd-stats-clear")
            self.ovs.set_mode(mode)
            seconds, is_warm = self.ovs.warm_up(given.warm)
            theirs, mine = [], []
            for _ in range(given.reps):
                each = self.ovs.repetition(given.seconds, 2 if given.quick else 8)
                if each["packets"] > 0:
                    theirs.append(each)
                self.ovs.pause()
                try:
                    mine.append(replay.repetition()["cpu_ns_per_packet"])
                finally:
                    self.ovs.resume()
            every += mine
            if not theirs:
                result["notes"].append("%s: no packet in the measuring time" % mode)
                continue
            result["ovs"][mode] = self.their_cost(theirs, mine, seconds, is_warm)
            if result["ovs"][mode]["hits"].get("simple match", 0) > 0.999:
                # Neither cache is asked: the other modes would be the same.
                break
        return every

    def modes_for(self, meta):
        # A quick run leaves the signature cache out where the exact-match cache holds everything.
        is_small = meta["distinct"] <= 4096 and meta["rules"] <= 5000
        return [mode for mode in self.given.modes if not (self.given.quick and is_small and mode == "smc")]

    def their_cost(self, theirs, mine, warm_seconds, is_warm):
        nanos = [each["cpu"] / each["packets"] for each in theirs]
        hits = {name: sum(each[name] for each in theirs) for name in HITS}
        total = sum(hits.values()) or 1
        misses = sum(each[name] for each in theirs for name in MISSES)
        packets = sum(each["packets"] for each in theirs)
        return {
            "nanos": nanos,
            "ours_nanos": mine,
            "hits": {name[:-5]: round(count / total, 4) for name, count in hits.items() if count},
            "misses": misses / packets,
            "passes": theirs[-1]["avg. datapath passes per packet"],
            "subtables": theirs[-1]["avg. subtable lookups per megaflow hit"],
            "cached_flows": self.ovs.cached_flows(),
            "warm_seconds": round(warm_seconds, 1),
            "is_converged": is_warm or misses / packets < 1e-4,
        }

    def our_cost(self, report, nanos):
        cost = report["cost"]
        keys = ("template", "entry_count", "memory_len", "probes_per_lookup")
        tables = [
            {key: each[key] for key in ("table_id", "active_count", *keys) if key in each} for each in report["tables"]
        ]
        return {
            "nanos": nanos,
            "load_seconds": cost["load_seconds"],
            "compile_seconds": cost["compile_seconds"],
            "tables": tables,
            "flow_cache": report.get("flow_cache"),
        }

    def floor(self, meta, folder, captures):
        """What each side's copying costs alone; of one trace for all that are as long."""
        key = meta["packets"], meta["size"], len(captures)
        return self.floors.get(key) or self.measure_floor(key, folder, captures)

    def measure_floor(self, key, folder, captures):
        given = self.given
        seconds, count = min(given.seconds, 0.3), given.reps + 2
        replay = ours.Replay(given.program, given.core, folder, captures, seconds, "--floor")
        try:
            floor = {"ours_nanos": [replay.repetition()["cpu_ns_per_packet"] for _ in range(count)]}
        finally:
            replay.stop()
        if given.floor_program and not given.no_ovs:
            if self.ovs:
                self.ovs.pause()
            try:
                floor["ovs_nanos"] = io_floor(given.floor_program, given.core, given.memory, captures[1], key[0], seconds,
                                              count, given.work)
            finally:
                if self.ovs:
                    self.ovs.resume()
        self.floors[key] = floor
        return floor

    def check(self, folder, captures, meta):
        """Both play the trace once, from its beginning, and count the same."""
        given = self.given
        expected = len(captures) * meta["packets"]
        received, ports = self.ovs.play_once(folder, captures, expected, 6 if given.quick else 20)
        theirs = self.ovs.entry_counts()
        if received < expected:
            if len(captures) > 1:
                return {"verdict": "not finished"}
            cut = os.path.join(given.work, "cut.pcap")
            cut_capture(captures[1], cut, received)
            captures = {1: cut}
        report = ours.play(given.program, folder, captures, "--repeat", "1")
        mine = {flow["cookie"]: (flow["packet_count"], flow["byte_count"]) for flow in report["flows"]}
        apart = ["entry %d: OVS %s, ours %s" % (cookie, theirs.get(cookie), mine.get(cookie))
                 for cookie in sorted({*theirs, *mine}) if theirs.get(cookie) != mine.get(cookie)]
        for port in report["ports"]:
            counts = ports.get(port["port_no"])
            if counts and counts != (port["rx_packets"], port["tx_packets"]):
                apart.append("port %d: OVS %s, ours %s"
                             % (port["port_no"], counts, (port["rx_packets"], port["tx_packets"])))
        expect, wrong = os.path.join(folder, "expect.json"), []
        if os.path.exists(expect):
            counts = dict.fromkeys(mine, 0)
            for index in json.load(open(expect))[:received]:
                # The last entry takes what no rule does.
                counts[index + 1 if index >= 0 else meta["rules"]] += 1
            wrong = ["entry %d: expected %d, ours %d" % (cookie, count, mine[cookie][0])
                     for cookie, count in counts.items() if mine[cookie][0] != count]
        is_expected = os.path.exists(expect) and not wrong
        if not wrong and not apart and theirs:
            verdict = "equal"
        else:
            # Where a search of the trace says what each entry must count, it says which side is right.
            verdict = "ours right" if is_expected and theirs else "differ"
        return {"verdict": verdict, "packets": received, "entries": len(mine),
                "is_expected": is_expected, "differences": (wrong + apart)[:20]}

    def conclude(self, result):
        """Cycles and ratios."""
        cycles = (self.rate or 1e9) / 1e9

        def figures(nanos):
            return dict(zip(("min", "median"), (each and each * cycles for each in least_and_median(nanos))))

        def ratio(upper, lower):
            return {key: upper[key] / lower[key] for key in upper if upper[key] and lower[key]}

        result["ours"].update(figures(result["ours"]["nanos"]))
        for side in ("ours", "ovs"):
            result["floor"][side] = figures(result["floor"].get(side + "_nanos"))
        for mode in result["ovs"].values():
            mode.update(figures(mode["nanos"]))
            mode["ours"] = figures(mode["ours_nanos"])
            mode["ratio"] = ratio(figures(mode["nanos"]), mode["ours"])
            floor = result["floor"]
            if floor["ovs"]["min"] and floor["ours"]["min"]:
                net = {key: mode[key] - floor["ovs"]["min"] for key in ("min", "median")}
                mine = {key: max(mode["ours"][key] - floor["ours"]["min"], 1) for key in net}
                mode["net_ratio"] = ratio(net, mine)
        if result["ovs"]:
            result["best"] = min(result["ovs"], key=lambda mode: result["ovs"][mode]["min"])

    def save(self, machine):
        if self.given.json:
            with open(self.given.json, "w") as file:
                json.dump(dict(machine, scenarios=self.results), file, indent=1)
                file.write("\n")
        if self.given.svg and self.results:
            with open(self.given.svg, "w") as file:
                file.write(plot.svg(self.results))


def machine(given):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout.strip()
    version = "none"
    if not given.no_ovs:
        text = subprocess.run([given.ovs, "--version"], text=True, stdout=subprocess.PIPE).stdout
        version = ", ".join(line.strip() for line in text.splitlines() if "vSwitch" in line or "DPDK" in line)
    return {
        "processor": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0],
        "ovs": version, "ovs_program": given.ovs, "commit": commit, "build": os.environ.get("COMPARE_BUILD", ""),
        "memory": given.memory, "core": given.core, "repetitions": given.reps, "seconds": given.seconds,
        "warm_seconds": given.warm, "date": time.strftime("%Y-%m-%d %H:%M"),
    }


def main():
    given = arguments()
    # In the order of the generator's list, which run.sh hands on.
    names = json.loads(os.environ["COMPARE_SCENARIOS"])
    for pattern in given.scenario:
        if not fnmatch.filter(names, pattern):
            print("run.sh: no scenario is called %s; --list tells those there are" % pattern, file=sys.stderr)
            sys.exit(2)
    if given.scenario:
        names = [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in given.scenario)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine(given)
    print("%(processor)s, %(cores)d cores, load %(load).1f; %(ovs)s; ours %(commit)s %(build)s" % about)
    comparison = Comparison(given)
    begun, wrong = time.time(), False
    try:
        if not given.no_ovs:
            comparison.ovs = Ovs(given.work, given.core, given.memory, given.ovs, given.ovs_schema)
        print(table.HEAD, flush=True)
        for name in names:
            try:
                result = comparison.scenario(name)
            except Failed as failure:
                print("%-14s FAILED: %s" % (name, failure), flush=True)
                wrong = True
                continue
            comparison.results.append(result)
            print(table.row(result), flush=True)
            for line in table.remarks(result):
                print(line, flush=True)
            wrong |= result.get("check", {}).get("verdict") == "differ"
            comparison.save(about)
    finally:
        if comparison.ovs:
            comparison.ovs.stop()
    print(table.summary(comparison.results, time.time() - begun))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
