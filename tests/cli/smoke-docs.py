# SPDX-License-Identifier: MIT
"""
The examples of docs/smoke.md run as written and end with the status they state; their reports are well-formed, and a
panic is detected within two seconds of its message. Arguments: the page, the program, a kernel, an initramfs.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

page, program, kernel, initrd = map(os.path.abspath, sys.argv[1:5])
failures = 0
blocks = re.findall(r"^```sh\n(.*?)^```", open(page).read(), re.S | re.M)
examples = [(b, int(re.search(r"^# exit status (\d+)", b, re.M).group(1))) for b in blocks]
if len(examples) < 6:
    sys.exit(f"only {len(examples)} examples found")
with tempfile.TemporaryDirectory() as tmp:
    os.symlink(kernel, f"{tmp}/bzImage")
    os.symlink(initrd, f"{tmp}/rd.gz")
    env = dict(os.environ, PATH=os.path.dirname(program) + ":" + os.environ["PATH"])
    # All at once: nothing may clash.
    runs = [(b, status, subprocess.Popen(["bash", "-c", b], cwd=tmp, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)) for b, status in examples]
    for text, status, proc in runs:
        out = proc.communicate()[0].decode("utf-8", "replace")
        if proc.returncode != status:
            failures += 1
            print(f"status {proc.returncode}, wanted {status}:\n{text}\n{out[-3000:]}")
    for name in sorted(os.listdir(tmp)):
        path = f"{tmp}/{name}"
        try:
            if name.endswith(".xml"):
                subprocess.run(["xmllint", "--noout", path], check=True)
                suites = xml.etree.ElementTree.parse(path).getroot()
                assert suites.tag == "testsuites" and all(s.tag == "testsuite" for s in suites)
                for s in suites:
                    assert int(s.get("tests")) == len(s.findall("testcase")), "number of test cases"
                    bad = len(s.findall("testcase/failure")) + len(s.findall("testcase/error"))
                    assert bad == int(s.get("failures")) + int(s.get("errors")), "number of failures"
            elif name.endswith(".json"):
                json.load(open(path))
            elif name.endswith(".tap"):
                lines = open(path).read().splitlines()
                assert lines[0] == "TAP version 13"
                assert len([x for x in lines if re.match(r"(not )?ok \d", x)]) == int(lines[1][3:])
        except Exception as e:
            failures += 1
            print(f"{name}: {e!r}")

    def report(name):
        return json.load(open(f"{tmp}/{name}"))

    try:
        panic = report("panic.json")
        assert "Kernel panic - not syncing" in panic["reason"], panic["reason"]
        assert panic["failure"]["seconds-after-message"] < 2, panic["failure"]["seconds-after-message"]
        assert "RIP=" in panic["failure"]["registers"] and panic["failure"]["stack"]
        assert any("Kernel panic" in x for x in panic["failure"]["last-lines"])
        assert "triple fault" in report("triple.json")["reason"]
        good = report("pass.json")
        assert [s["state"] for s in good["steps"]] == ["passed"] * 5 and set(good["marks"]) >= {"kernel-start", "init"}
        assert "matched 'FAILED'" in report("fail.json")["reason"]
        series = report("series.json")
        assert len(series["runs"]) == 3 and [r["seed"] for r in series["runs"]] == [1, 2, 3] and series["runs"][0]["test"] == "boot"
    except (AssertionError, KeyError, OSError) as e:
        failures += 1
        print(f"reports: {e!r}")
sys.exit(failures != 0)
