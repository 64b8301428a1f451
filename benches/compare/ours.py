"""`rumpswitch replay`: our side."""

import json
import os
import subprocess

from side import Failed, die_with_parent


def arguments(program, folder, captures):
    command = [program, "replay", "--json", "--flows", os.path.join(folder, "flows.txt")]
    for kind in ("groups", "meters"):
        path = os.path.join(folder, kind + ".txt")
        if os.path.exists(path):
            command += ["--" + kind, path]
    for number, path in captures.items():
        command += ["--in", "%d=%s" % (number, path)]
    return command


def play(program, folder, captures, *more):
    """One run to its end; what it reported."""
    done = subprocess.run(arguments(program, folder, captures) + list(more), text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    if done.returncode:
        raise Failed("rumpswitch: %s" % done.stderr.strip())
    return json.loads(done.stdout)


class Replay:
    """A replay that measures when it is told to, and sleeps between."""

    def __init__(self, program, core, folder, captures, seconds, *more):
        def pin():
            die_with_parent()
            os.sched_setaffinity(0, {core})

        command = arguments(program, folder, captures) + ["--paced", "--seconds", str(seconds), *more]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, preexec_fn=pin)
        if self.process.stdout.readline().strip() != "ready":
            raise Failed("rumpswitch: %s" % self.process.stderr.read().strip())

    def repetition(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError) as error:
            raise Failed("rumpswitch ended: %s %s" % (error, self.process.stderr.read().strip()))

    def finish(self):
        """What it reports at its end."""
        report, error = self.process.communicate()
        if self.process.returncode:
            raise Failed("rumpswitch: %s" % error.strip())
        return json.loads(report)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
