"""Open vSwitch's userspace datapath, private to one run: its own database, folders and sockets, frames
from captures by DPDK's net_pcap driver and to its net_null driver, one forwarding thread."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from frames import cut_capture
from side import Failed, die_with_parent

DEBIAN = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"

# Mode: one flow in how many enters the exact-match cache (EMC), and whether signature matches (SMC) are
# cached. Without both there are only the masked tables of cached wildcards (dpcls).
MODES = {"emc": (1, "false"), "smc": (0, "true"), "none": (0, "false"), "default": (100, "false")}

HITS = ("simple match hits", "emc hits", "smc hits", "megaflow hits")
MISSES = ("miss with success upcall", "miss with failed upcall")


class Ovs:
    def __init__(self, work, core, memory, program=DEBIAN, schema=SCHEMA):
        """`memory`: the options that tell DPDK where its memory comes from."""
        self.work, self.core = work, core
        self.database, self.switch, self.thread = None, None, None
        for folder in ("run", "log", "etc"):
            os.makedirs(os.path.join(work, folder), exist_ok=True)
        self.environment = dict(
            os.environ, OVS_RUNDIR=work + "/run", OVS_DBDIR=work, OVS_LOGDIR=work + "/log",
            OVS_SYSCONFDIR=work + "/etc", RUNTIME_DIRECTORY=work + "/run")
        database = work + "/conf.db"
        if os.path.exists(database):
            os.unlink(database)
        self.run("ovsdb-tool", "create", database, schema)
        self.at = "unix:%s/run/db.sock" % work
        self.database = self.start("ovsdb-server", database, "--remote=p" + self.at, "--log-file")
        self.wait_for(lambda: os.path.exists(work + "/run/db.sock"), "its database")
        self.vsctl("--no-wait", "init")
        other = 1 - core if core < 2 else 0
        self.vsctl(
            "--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
            "other_config:pmd-cpu-mask=%#x" % (1 << core), "other_config:dpdk-lcore-mask=%#x" % (1 << other),
            'other_config:dpdk-extra="--file-prefix=compare%d --no-pci --no-telemetry %s"' % (os.getpid(), memory),
            # The cache of wildcards may hold what it likes and keep it, and is looked after often: it
            # is meant to be at its best.
            "other_config:max-idle=500000", "other_config:flow-limit=1000000",
            "other_config:max-revalidator=200", *([] if "--no-huge" in memory else ["other_config:dpdk-socket-mem=1200"]))
        self.switch = self.start(program, self.at, "--log-file=%s/log/vswitchd.log" % work)
        self.control = "%s/run/%s.%d.ctl" % (work, os.path.basename(program), self.switch.pid)
        self.wait_for(lambda: os.path.exists(self.control) and "true" in self.vsctl(
            "get", "Open_vSwitch", ".", "dpdk_initialized"), "DPDK")

    # -- processes

    def start(self, *command):
        try:
            return subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        except OSError as error:
            raise Failed("%s: %s" % (command[0], error))

    def run(self, *command, timeout=900):
        done = subprocess.run(
            command, env=self.environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=timeout)
        if done.returncode:
            raise Failed("%s: %s" % (" ".join(command[:4]), done.stdout.strip()[-1000:]))
        return done.stdout

    def wait_for(self, is_there, what, seconds=60):
        end = time.time() + seconds
        while not is_there():
            dead = [each for each in (self.database, self.switch) if each and each.poll() is not None]
            if dead or time.time() > end:
                log = self.work + "/log/vswitchd.log"
                last = open(log, errors="replace").read()[-600:] if os.path.exists(log) else ""
                raise Failed("Open vSwitch did not begin (%s)\n%s" % (what, last))
            time.sleep(0.1)

    def vsctl(self, *words):
        return self.run("ovs-vsctl", "--db=" + self.at, "--timeout=60", *words)

    def ofctl(self, command, *words):
        return self.run("ovs-ofctl", "-O", "OpenFlow13", command, "unix:%s/run/br0.mgmt" % self.work, *words)

    def ask(self, method, *words, timeout=120):
        """What ovs-appctl asks, without starting a process for it: the answer's moment matters."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(timeout)
            channel.connect(self.control)
            channel.sendall(json.dumps({"id": 0, "method": method, "params": list(words)}).encode())
            text = b""
            while True:
                more = channel.recv(1 << 16)
                text += more
                try:
                    answer = json.loads(text)
                    break
                except ValueError:
                    if not more:
                        raise Failed("%s: the switch is gone" % method)
        if answer.get("error"):
            raise Failed("%s: %s" % (method, answer["error"]))
        return answer.get("result") or ""

    def pause(self):
        os.kill(self.switch.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.switch.pid, signal.SIGCONT)

    def stop(self):
        for process in (self.switch, self.database):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # -- a scenario

    def load(self, folder):
        """A fresh bridge with the scenario's entries; tells the seconds that the entries took."""
        self.vsctl("--if-exists", "del-br", "br0")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=secure",
                   "protocols=OpenFlow13")
        meters = os.path.join(folder, "meters.txt")
        if os.path.exists(meters):
            for line in open(meters):
                self.ofctl("add-meter", line.strip())
        groups = os.path.join(folder, "groups.txt")
        if os.path.exists(groups):
            self.ofctl("add-groups", groups)
        begun = time.time()
        self.ofctl("add-flows", os.path.join(folder, "flows.txt"))
        return time.time() - begun

    def plug(self, captures, is_endless):
        """Ports: one for each capture, and a last one that swallows. Frames come from here on."""
        words = []
        # The last port first: what the others receive must have a way out.
        for number in sorted({2, *captures}, reverse=True):
            path = captures.get(number)
            device = "net_null%d,no-rx=1" % number
            if path:
                device = "net_pcap%d,rx_pcap=%s%s" % (number, path, ",infinite_rx=1" if is_endless else "")
            words += ["--", "add-port", "br0", "p%d" % number, "--", "set", "Interface", "p%d" % number,
                      "type=dpdk", "ofport_request=%d" % number, "options:dpdk-devargs=" + device]
        self.vsctl(*words)
        for number in {2, *captures}:
            error = self.vsctl("get", "Interface", "p%d" % number, "error").strip()
            if error not in ("[]", '""'):
                raise Failed("port %d: %s" % (number, error))
        self.thread = self.find_thread()

    def plug_held(self, captures):
        """The same for captures that are played once: frames come when the result is called, for those
        of a port that the switch has just begun to know would be lost."""
        held = {number: "%s/p%d.pcap" % (self.work, number) for number in captures}
        for number, path in captures.items():
            cut_capture(path, held[number], 0)
        self.plug(held, False)

        def let_in():
            words = []
            for number, path in captures.items():
                shutil.copyfile(path, held[number])
                # A device that is configured anew opens its capture anew.
                words += ["--", "set", "Interface", "p%d" % number, "options:n_rxq_desc=1024"]
            self.vsctl(*words)

        return let_in

    def unplug(self, *numbers):
        for number in numbers:
            self.vsctl("--if-exists", "del-port", "p%d" % number)

    def find_thread(self):
        for thread in os.listdir("/proc/%d/task" % self.switch.pid):
            try:
                if open("/proc/%d/task/%s/comm" % (self.switch.pid, thread)).read().startswith("pmd-"):
                    return thread
            except OSError:
                pass
        raise Failed("no forwarding thread")

    def set_mode(self, mode):
        insertion, signatures = MODES[mode]
        self.vsctl("set", "Open_vSwitch", ".", "other_config:emc-insert-inv-prob=%d" % insertion,
                   "other_config:smc-enable=" + signatures)
        self.ask("revalidator/purge")

    def cpu(self):
        """Nanoseconds of processor time of the forwarding thread."""
        return int(open("/proc/%d/task/%s/schedstat" % (self.switch.pid, self.thread)).read().split()[0])

    def counters(self, tries=4):
        """What the forwarding thread has counted, and its processor time then; asked again when the
        answer was so late that they do not belong together."""
        best = None
        for _ in range(tries):
            before = self.cpu()
            text = self.ask("dpif-netdev/pmd-stats-show", "-pmd", str(self.core))
            after = self.cpu()
            if best is None or after - before < best[0]:
                best = after - before, (before + after) / 2, text
            if best[0] < 2_000_000:
                break
        found = {"cpu": best[1]}
        for name in ("packets received", "packet recirculations", *HITS, *MISSES,
                     "avg. datapath passes per packet", "avg. subtable lookups per megaflow hit"):
            match = re.search(re.escape(name) + r":\s*([\d.]+)", best[2])
            found[name] = float(match.group(1)) if match else 0.0
        return found

    def repetition(self, seconds, longest):
        """Counters' growth over some time, or until there were enough packets to tell."""
        before, begun = self.counters(), time.time()
        while True:
            time.sleep(seconds)
            now = self.counters()
            packets = now["packets received"] - before["packets received"]
            if packets >= 512 or time.time() - begun > longest:
                break
        grown = {name: now[name] - before[name] for name in ("cpu", *HITS, *MISSES)}
        return dict(now, **grown, packets=packets)

    def warm_up(self, longest):
        """Waits until the caches hold what they can; tells the seconds, and whether they came to rest."""
        begun, last, quiet = time.time(), None, 0
        while time.time() - begun < longest:
            time.sleep(0.3)
            now = self.counters(1)
            misses = sum(now[name] for name in MISSES)
            quiet = quiet + 1 if last is not None and misses - last <= 2 else 0
            last = misses
            if quiet >= 3:
                return time.time() - begun, True
        return time.time() - begun, False

    def cached_flows(self):
        match = re.search(r"flows: (\d+)", self.ask("dpctl/show", "netdev@ovs-netdev"))
        return int(match.group(1)) if match else None

    # -- what it counted

    def play_once(self, folder, captures, expected, longest):
        """The captures from their beginning, once; tells how many frames were received until they ended
        or time was up."""
        self.set_mode("emc")
        let_in = self.plug_held(captures)
        time.sleep(0.3)
        self.ask("dpif-netdev/pmd-stats-clear")
        let_in()
        self.thread = self.find_thread()
        end = time.time() + longest
        received = 0
        while time.time() < end:
            time.sleep(0.1)
            received = self.counters(1)["packets received"]
            if received >= expected:
                break
        ports = self.port_counts()
        if received < expected:
            # A port that is down receives no more; what it received before goes its way to the end.
            for number in captures:
                self.ofctl("mod-port", str(number), "down")
            time.sleep(1)
            received = self.counters(1)["packets received"]
            ports = self.port_counts()
        self.ask("revalidator/purge")
        return int(received), ports

    def port_counts(self):
        counts = {}
        text = self.ofctl("dump-ports")
        for number, received, sent in re.findall(
                r'port\s+"?p?(\d+)"?: rx pkts=(\d+).*?tx pkts=(\d+)', text, re.S):
            counts[int(number)] = int(received), int(sent)
        return counts

    def entry_counts(self):
        """Packets and bytes of each entry, by its cookie."""
        counts = {}
        for cookie, packets, size in re.findall(
                r"cookie=0x([0-9a-f]+),.*?n_packets=(\d+), n_bytes=(\d+)", self.ofctl("dump-flows")):
            counts[int(cookie, 16)] = int(packets), int(size)
        return counts


def io_floor(program, core, memory, capture, packets, seconds, repetitions, work):
    """Nanoseconds a packet of DPDK's drivers alone, one for each repetition."""
    command = [program, "touch", str(packets), str(seconds), str(repetitions), "--", "-l", str(core), "--no-pci",
               "--no-telemetry", "--file-prefix=floor%d" % os.getpid(), *memory.split(),
               "--vdev", "net_pcap0,rx_pcap=%s,infinite_rx=1" % capture]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, RUNTIME_DIRECTORY=work + "/run"), preexec_fn=die_with_parent)
    each = sorted(float(value) for value in re.findall(r"cpu-ns/pkt ([\d.]+)", done.stdout))
    if not each:
        print("SKIP Open vSwitch's I/O floor: %s" % done.stderr.strip()[-300:], file=sys.stderr)
        return None
    return each
