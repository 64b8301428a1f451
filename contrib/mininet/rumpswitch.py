"""rumpswitch as a switch of Mininet 2.3: one file, nothing to install besides the program.

    sudo mn --custom rumpswitch.py --switch rumpswitch --controller remote,ip=127.0.0.1,port=6653
    sudo mn --custom rumpswitch.py --switch rumpswitch,failMode=standalone --controller none --test pingall

Or from a script of your own, with this file beside it:

    from rumpswitch import RumpSwitch
    net = Mininet(topo=..., switch=RumpSwitch, controller=...)

The program `rumpswitch` is looked for in the environment variable RUMPSWITCH, then on the PATH, then among
the builds of the source tree that this file lies in. Every switch is a process of its own:

  ports         numbered as Mininet numbers them (s1-eth1 is port 1); no `ethtool` is needed for TCP
  datapath id   as Mininet derives it (s1 is 1) or is told (dpid='...')
  controllers   all that Mininet has; the switch connects to each
  listener      for ovs-ofctl and the like: a Unix socket, or with `--listenport N` a TCP port of the loopback
                address; the command `dpctl` of Mininet's command line goes there, if ovs-ofctl is installed
  log           what the switch says, in the file that `SWITCH.log` names (in Mininet's command line:
                `py s1.log`)

Parameters (`--switch rumpswitch,name=value,...` or keyword arguments):

  failMode      'secure' (default) or 'standalone': what to do while no controller is there
  personality   what the switch looks like to controllers: a preset (`rumpswitch personality` names them)
                or a TOML file
  program       the path of the program
  local         True: the switch gets a LOCAL port, an interface with its own name (s1)
  opts          further words for `rumpswitch run`

Mininet 2.3.0's own `iperf` test waits forever with iperf 2.1, whichever the switch: run iperf in the hosts.
"""

import os
import shlex
import shutil
import signal
import tempfile
from subprocess import STDOUT, TimeoutExpired

from mininet.log import error
from mininet.node import Switch


def find_program():
    """The program: as the environment says, on the PATH, or built in the tree that this file lies in."""
    named = os.environ.get('RUMPSWITCH')
    if named:
        return named
    # `mn --custom` runs this file without telling it its name; its code knows it.
    here = os.path.dirname(os.path.realpath(find_program.__code__.co_filename))
    tree = os.path.join(here, '..', '..', 'target')
    built = [os.path.join(tree, kind, 'rumpswitch') for kind in ('release', 'debug')]
    there = [path for path in built if os.access(path, os.X_OK)]
    return shutil.which('rumpswitch') or (os.path.realpath(there[0]) if there else None)


class RumpSwitch(Switch):
    """An OpenFlow 1.3.5 switch: one process of `rumpswitch run` over the interfaces of this node."""

    def __init__(self, name, failMode='secure', personality=None, program=None, local=False,
                 **params):
        Switch.__init__(self, name, **params)
        if failMode not in ('secure', 'standalone'):
            raise Exception("%s: failMode is 'secure' or 'standalone', not '%s'" % (name, failMode))
        self.failMode = failMode
        self.personality = personality
        self.local = local in (True, 1, 'True', 'true', '1')
        self.program = program or find_program()
        if not self.program or not shutil.which(self.program):
            raise Exception('%s: no program %s: set RUMPSWITCH' % (name, self.program or 'rumpswitch'))
        self.process = None
        self.folder = None
        self.log = None
        self.listener = None

    def start(self, controllers):
        """Start the process; it connects to all controllers."""
        if self.process:
            raise Exception('%s is running' % self.name)
        self.folder = tempfile.mkdtemp(prefix='rumpswitch-%s-' % self.name)
        self.log = os.path.join(self.folder, 'log')
        argv = [self.program, 'run', '--datapath-id', self.dpid, '--fail-mode', self.failMode]
        for intf in self.intfList():
            # The loopback has port 0, and an interface with an address belongs to the control network.
            if self.ports[intf] and not intf.IP():
                argv += ['--port', '%d:packet:%s' % (self.ports[intf], intf)]
        if self.local:
            argv += ['--port', 'local:%s' % self.name]
        for controller in controllers:
            argv += ['--controller', '%s:%s:%d' % (controller.protocol, controller.IP(), controller.port)]
        if self.listenPort:
            self.listener, listen = 'tcp:127.0.0.1:%d' % self.listenPort, 'ptcp:%d' % self.listenPort
        else:
            path = os.path.join(self.folder, 'mgmt')
            self.listener, listen = 'unix:%s' % path, 'punix:%s' % path
        if self.personality:
            argv += ['--personality', self.personality]
        argv += ['--listen', listen] + shlex.split(self.opts)
        with open(self.log, 'w') as log:
            self.process = self.popen(argv, stdout=log, stderr=STDOUT)
        if not self.wait_for(lambda lines: 'running' in lines, 15):
            said = ' / '.join(self.lines()[-3:])
            self.stop(deleteIntfs=False)
            raise Exception('%s did not start: %s' % (self.name, said))

    def wait_for(self, condition, seconds):
        """Wait until the lines of the log satisfy the condition; False when they do not, or it has ended."""
        for _ in range(int(seconds * 50)):
            if condition(self.lines()):
                return True
            try:
                self.process.wait(0.02)
                return condition(self.lines())
            except TimeoutExpired:
                pass
        return False

    def lines(self):
        """What the switch has said so far."""
        if not self.log or not os.path.exists(self.log):
            return []
        with open(self.log, errors='replace') as log:
            return log.read().splitlines()

    def connected(self):
        """Whether it is connected to a controller (or does without one)."""
        states = {}
        for line in self.lines():
            # `s1: tcp:127.0.0.1:6653: connected`, or another word when it is not.
            words = line.split(' ', 2)
            if len(words) == 3 and words[1].startswith('tcp:'):
                states[words[1]] = words[2] == 'connected'
        return any(states.values()) or self.failMode == 'standalone'

    def dpctl(self, *args):
        """Run a command of ovs-ofctl on this switch: its name, then what follows the switch's."""
        if not shutil.which('ovs-ofctl'):
            return 'dpctl: ovs-ofctl is not installed; the switch listens on %s\n' % self.listener
        words = ['ovs-ofctl', '-O', 'OpenFlow13', args[0], self.listener] + list(args[1:])
        return self.cmd(' '.join(shlex.quote(str(word)) for word in words))

    def attach(self, intf):
        """Not possible: the ports of a switch are those that it starts with."""
        error('%s: ports are given at the start; stop the switch and start it again\n' % self.name)

    detach = attach

    def stop(self, deleteIntfs=True):
        """End the process that was started here, and no other."""
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(5)
                except TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            self.process = None
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
        Switch.stop(self, deleteIntfs)


switches = {'rumpswitch': RumpSwitch}
