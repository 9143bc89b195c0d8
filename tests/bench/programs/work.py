# SPDX-License-Identifier: MIT
"""Python at work, in the guest: work.py nbody|json|regex|dict. Prints what depends on every step, and nothing else."""
import hashlib, json, math, random, re, sys


def nbody(steps=22000):
    r = random.Random(7)
    bodies = [[[r.uniform(-20, 20) for _ in range(3)], [r.uniform(-1, 1) for _ in range(3)], r.uniform(0.01, 40)] for _ in range(5)]
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1:]]
    for _ in range(steps):
        for (p, v, m), (q, w, n) in pairs:
            dx, dy, dz = p[0] - q[0], p[1] - q[1], p[2] - q[2]
            square = dx * dx + dy * dy + dz * dz + 0.01
            f = 0.001 / (square * math.sqrt(square))
            v[0] -= dx * n * f
            v[1] -= dy * n * f
            v[2] -= dz * n * f
            w[0] += dx * m * f
            w[1] += dy * m * f
            w[2] += dz * m * f
        for p, v, _ in bodies:
            p[0] += 0.001 * v[0]
            p[1] += 0.001 * v[1]
            p[2] += 0.001 * v[2]
    print(bodies)


def json_(rounds=14):
    r = random.Random(8)
    data = [{"id": i, "name": "name %d \u00e9" % i, "score": r.random(), "tags": [r.choice("abcdefgh") * 3 for _ in range(5)],
             "at": {"x": r.randint(-10 ** 9, 10 ** 9), "y": None, "z": i % 2 == 0}} for i in range(2500)]
    for _ in range(rounds):
        text = json.dumps(data, sort_keys=True)
        data = json.loads(text)
        data.append({"id": len(data), "sum": hashlib.md5(text.encode()).hexdigest()})
        json.dumps(data[::10], indent=1) # the indented form is Python's own code
    print(hashlib.md5(json.dumps(data).encode()).hexdigest())


def regex(rounds=2):
    text = open("/bench/text").read()[:1200000]
    patterns = (r"(\w+)ing\b", r"\b[a-m]+(?=[.,])", r"(?i)the|and|[aeiou]{3}", r"(\d{2,4})-(\d+)", r"^(.*?),(.*)$", r"(a|e|i)(\w)\2")
    for _ in range(rounds):
        for p in patterns:
            found = re.findall(p, text, re.M)
            print(p, len(found), hash(tuple(found)) & 0xFFFF)
        text, n = re.subn(r"\b(\w)(\w*)\b", r"\2\1", text)
        print(n, hashlib.md5(text.encode()).hexdigest())


def dict_(rounds=6):
    r, total = random.Random(9), 0
    for _ in range(rounds):
        d = {}
        for i in range(120000):
            k = r.getrandbits(16)
            d[k] = d.get(k, 0) + i
            if not i & 7:
                d.pop(r.getrandbits(16), None)
        words = {str(k): [k, v] for k, v in d.items()}
        total += sum(v[1] for w, v in sorted(words.items(), key=lambda e: (e[1][1], e[0]))[::3] if w[0] != "7")
    print(total)


{"nbody": nbody, "json": json_, "regex": regex, "dict": dict_}[sys.argv[1]]()
