#!/usr/bin/env python3
"""How many of the known flaws of real projects are fixed, beside the bare tools: a table in Markdown.

usage: projects.py --advisories FOLDER [--advisories FOLDER]… [--kind LOCKFILE] [--keep FOLDER] [--without-peers] BINARY PROJECTS [NAME]…

BINARY is patchparty, PROJECTS a folder with one folder per project: `tree.txt` has the mode and path of every file, `files/` the
contents; a file without contents is empty. The advisories are folders of OSV or RustSec records. The peers are `cargo update -p
NAME@VERSION`, once for each package with a flaw, and `npm audit fix`, which asks a server on loopback: it answers for the advisories
and passes everything else on to the registry that npm is set up for. All of them start from the same commit, and all results
are audited by the same program. Needs git, cargo, npm and their registries; no package of Python.
"""
import argparse, collections, gzip, http.server, json, os, shutil, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

KINDS = ("Cargo.lock", "package-lock.json")
FLAWS = ("vulnerability", "malicious")


def run(command, folder=None, **variables):
    """Runs a program to its end; its exit code, and what it says."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout, done.stderr


def repository(project, place):
    """A git repository with the files of a project."""
    os.makedirs(place)
    for line in open(os.path.join(project, "tree.txt"), encoding="utf-8", errors="surrogateescape"):
        mode, path = line.rstrip("\n").split(" ", 1)
        if mode not in ("100644", "100755"):
            continue
        target, source = os.path.join(place, path), os.path.join(project, "files", path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.exists(source):
            shutil.copy(source, target)
        else:
            open(target, "w").close()
    for words in (["init", "-qb", "main"], ["add", "-Af"], ["-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-qm", "state"]):
        subprocess.run(["git", *words], cwd=place, check=True)


class Advisories(http.server.BaseHTTPRequestHandler):
    """What `npm audit` asks: the advisories from the folders, and for everything else the registry's own answers."""

    known, registry = {}, ""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.endswith("/security/advisories/bulk"):
            return self.answer(404, b"{}")
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        found = {name: self.known[name] for name in json.loads(body) if name in self.known}
        self.answer(200, json.dumps(found).encode())

    def do_GET(self):
        wanted = urllib.request.Request(self.registry.rstrip("/") + self.path, headers={"accept": self.headers.get("accept", "*/*")})
        try:
            with urllib.request.urlopen(wanted, timeout=60) as given:
                self.answer(given.status, given.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, b"{}")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def known_to_npm(folders):
    """The advisories of npm's packages in the form of npm's endpoint, by package."""
    known = collections.defaultdict(list)
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in sorted(name for name in names if name.endswith(".json")):
                try:
                    record = json.load(open(os.path.join(place, name), encoding="utf-8"))
                    about = [it for it in record["affected"] if it["package"]["ecosystem"] == "npm"]
                except (ValueError, KeyError, TypeError):
                    continue
                for affected in about:
                    spans = []
                    for span in affected.get("ranges", []):
                        for event in span.get("events", []):
                            if "introduced" in event:
                                spans.append(">=" + (event["introduced"] if event["introduced"] != "0" else "0.0.0-0"))
                            elif "fixed" in event:
                                spans[-1] += " <" + event["fixed"]
                            elif "last_affected" in event:
                                spans[-1] += " <=" + event["last_affected"]
                    spans += affected.get("versions", []) if not spans else []
                    package = affected["package"]["name"]
                    number = int.from_bytes(f"{record['id']} {package}".encode()[-6:], "big")
                    known[package].append({
                        "id": number, "url": f"https://advisories.example/{record['id']}", "title": record.get("summary", ""),
                        "severity": "high", "vulnerable_versions": " || ".join(spans), "cwe": [], "cvss": {"score": 0, "vectorString": None},
                    })
    return dict(known)


class Bench:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.sources = [word for folder in arguments.advisories for word in ("--advisories", os.path.abspath(folder))]
        self.cache = ["--cache", os.path.join(scratch, "cache")]
        self.binary = os.path.abspath(arguments.binary)

    def flaws(self, folder, kind, ignored):
        """What is found in the lockfiles of a kind: file, package, version and advisory."""
        report = os.path.join(self.scratch, "audit.json")
        run([self.binary, "audit", "--format", "json", "--output", report, "-q", *self.sources, *self.cache, folder])
        found = [finding for project in json.load(open(report))["projects"] for finding in project["findings"]]
        return {
            (it["file"], it["package"], it["version"], it["advisory"])
            for it in found
            if it["kind"] in FLAWS and it["file"].endswith(kind) and it["file"] not in ignored
        }

    def copy(self, name):
        """A fresh copy of a project's repository."""
        place = tempfile.mkdtemp(dir=self.scratch)
        subprocess.run(["git", "clone", "-q", os.path.join(self.scratch, name, "org", name), place], check=True)
        return place

    def propose(self, name, policy):
        """One run of patchparty: its report, the seconds it took, and where it wrote what it would open."""
        out = tempfile.mkdtemp(dir=self.scratch)
        config, report = os.path.join(out, "policy.toml"), os.path.join(out, "report.json")
        open(config, "w").write(policy)
        started = time.time()
        run([
            self.binary, "run", "--local", os.path.join(self.scratch, name, "org"), "--dry-run", "--out", os.path.join(out, "out"),
            "--config", config, "--format", "json", "--output", report, "-q", *self.sources, *self.cache,
        ])
        return json.load(open(report))["projects"][0], time.time() - started, os.path.join(out, "out")

    def applied(self, name, out):
        """A copy with what patchparty would open, but for the breaking raises: the emergency first."""
        place, patches = self.copy(name), []
        for folder, _, names in os.walk(out):
            if "change.patch" in names and not os.path.basename(folder).startswith("breaking"):
                patches.append(os.path.join(folder, "change.patch"))
        as_somebody = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example"]
        for number, patch in enumerate(sorted(patches)):
            branch = f"patch-{number}"
            steps = (
                ["git", "checkout", "-q", "-b", branch, "origin/main"], ["git", "apply", "--index", patch], [*as_somebody, "commit", "-qm", branch],
                ["git", "checkout", "-q", "main"], [*as_somebody, "merge", "-q", "--no-edit", branch],
            )
            for step in steps:
                code, told, said = run(step, place)
                if code and step[-1] == branch and "merge" in step:
                    # The routine's branch contains the emergency's where the two cannot be kept apart.
                    run(["git", "merge", "--abort"], place)
                    run(["git", "reset", "-q", "--hard", branch], place)
                elif code:
                    print(f"<!-- {name}: {os.path.basename(os.path.dirname(patch))} does not apply: {(told + said).strip()} -->")
                    break
        return place

    def update_with_cargo(self, name, flaws):
        place, started = self.copy(name), time.time()
        for file, package, version in sorted({flaw[:3] for flaw in flaws}):
            # An old toolchain that a project names is not installed, and would not know today's index.
            run(["cargo", "update", "-p", f"{package}@{version}"], os.path.dirname(os.path.join(place, file)), RUSTUP_TOOLCHAIN="stable")
        return place, time.time() - started

    def fix_with_npm(self, name, flaws, port):
        place, started = self.copy(name), time.time()
        for file in sorted({flaw[0] for flaw in flaws}):
            run(
                ["npm", "audit", "fix", "--package-lock-only", "--ignore-scripts", "--no-fund"],
                os.path.dirname(os.path.join(place, file)),
                npm_config_registry=f"http://127.0.0.1:{port}/", npm_config_audit="true", npm_config_cache=os.path.join(self.scratch, "npm"),
            )
        return place, time.time() - started


def entries(folder, file):
    """The entries of a lockfile: each with its version and its package."""
    path, found = os.path.join(folder, file), collections.Counter()
    if file.endswith("Cargo.lock"):
        name = None
        for line in open(path, encoding="utf-8"):
            key, _, value = line.strip().partition(" = ")
            if key == "name":
                name = value.strip('"')
            elif key == "version" and name:
                found[(name, value.strip('"'), name)] += 1
                name = None
        return found
    lock = json.load(open(path, encoding="utf-8"))
    if "packages" in lock:
        for place, entry in lock["packages"].items():
            if "node_modules/" in place:
                found[(place, entry.get("version"), entry.get("name", place.rsplit("node_modules/")[-1]))] += 1
        return found
    open_levels = [("", lock.get("dependencies", {}))]
    while open_levels:
        above, level = open_levels.pop()
        for name, entry in level.items():
            found[(f"{above}/{name}", entry.get("version"), name)] += 1
            open_levels.append((f"{above}/{name}", entry.get("dependencies", {})))
    return found


def others(before, after, files, packages):
    """How many entries changed, came or went that are of no package with a flaw."""
    places = set()
    for file in files:
        old, new = entries(before, file), entries(after, file)
        places |= {(file, *((place, version)[: 2 if file.endswith("Cargo.lock") else 1])) for place, version, package in (old - new) + (new - old) if package not in packages}
    return len(places)


def compared(before, after):
    """How many flaws are gone, and how many are new: a package at two versions has each flaw twice."""
    count = lambda flaws: collections.Counter((file, package, advisory) for file, package, _, advisory in flaws)
    old, new = count(before), count(after)
    return sum((old - new).values()), sum((new - old).values())


def measure(bench, name, kind, port):
    """The row of a project's lockfiles of one kind, and what stays."""
    origin = os.path.join(bench.scratch, name, "org", name)
    if not bench.flaws(origin, kind, ()):
        return None
    report, seconds, out = bench.propose(name, "")
    ignored = {it["file"] for it in report["blocked"] if it["cause"] == "report-only"}
    flaws = bench.flaws(origin, kind, ignored)
    if not flaws:
        return None
    files, packages = {flaw[0] for flaw in flaws}, {flaw[1] for flaw in flaws}
    after = bench.applied(name, out)
    fixed, new = compared(flaws, bench.flaws(after, kind, ignored))
    of_kind = lambda report: [it for it in report["blocked"] if it["file"].endswith(kind) and it["file"] not in ignored and it["advisories"]]
    size = lambda blocked: sum(len(it["advisories"]) for it in blocked)
    stays = [it for it in of_kind(report) if it["cause"] != "breaking-raise"]
    raised = fixed + size(of_kind(report)) - size(stays)
    row = {"found": len(flaws), "fixed": fixed, "new": new, "raised": raised, "overridden": raised, "others": others(origin, after, files, packages), "seconds": seconds}
    if kind == "package-lock.json" and stays:
        wider, _, out = bench.propose(name, "[updates]\nnpm-overrides = true\n")
        fixed, _ = compared(flaws, bench.flaws(bench.applied(name, out), kind, ignored))
        stays = [it for it in of_kind(wider) if it["cause"] != "breaking-raise"]
        row["overridden"] = fixed + size(of_kind(wider)) - size(stays)
    if not bench.arguments.without_peers:
        tool = bench.update_with_cargo(name, flaws) if kind == "Cargo.lock" else bench.fix_with_npm(name, flaws, port)
        fixed, new = compared(flaws, bench.flaws(tool[0], kind, ignored))
        row["peer"] = (fixed, new, others(origin, tool[0], files, packages), tool[1])
    return row, stays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("projects")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--advisories", action="append", required=True)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--keep")
    parser.add_argument("--without-peers", action="store_true")
    arguments = parser.parse_args()
    scratch = os.path.abspath(arguments.keep) if arguments.keep else tempfile.mkdtemp()
    os.makedirs(scratch, exist_ok=True)
    Advisories.known, Advisories.registry = known_to_npm(arguments.advisories), run(["npm", "config", "get", "registry"])[1].strip()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bench = Bench(arguments, scratch)
    for name in sorted(os.listdir(arguments.projects)):
        if os.path.exists(os.path.join(arguments.projects, name, "tree.txt")) and (not arguments.names or name in arguments.names):
            shutil.rmtree(os.path.join(scratch, name), ignore_errors=True)
            repository(os.path.join(arguments.projects, name), os.path.join(scratch, name, "org", name))
    for kind, peer in zip(KINDS, ("cargo update -p", "npm audit fix")):
        if arguments.kind not in (None, kind):
            continue
        overrides = " | with overrides" if kind == "package-lock.json" else ""
        print(f"\n| `{kind}` | found | fixed in range | with raises{overrides} | new | other entries | s | `{peer}` | new | other entries | s |")
        print("|---" * (11 + bool(overrides)) + "|", flush=True)
        total, listed = collections.Counter(), []
        for name in sorted(os.listdir(scratch)):
            if not os.path.isdir(os.path.join(scratch, name, "org")):
                continue
            measured = measure(bench, name, kind, server.server_address[1])
            if measured is None:
                continue
            row, stays = measured
            listed += [(name, it) for it in stays]
            fixed, new, other, seconds = row.get("peer", ("–", 0, 0, 0))
            wide = f" {row['overridden']} |" if overrides else ""
            print(
                f"| {name} | {row['found']} | {row['fixed']} | {row['raised']} |{wide} {row['new']} | {row['others']} | {row['seconds']:.0f} | "
                f"{fixed} | {new} | {other} | {seconds:.0f} |", flush=True,
            )
            total.update({key: row[key] for key in ("found", "fixed", "raised", "overridden", "new", "others")})
            total.update({"peer": fixed if row.get("peer") else 0, "peer new": new, "peer others": other})
        share = lambda key: f"{total[key]} ({100 * total[key] / max(total['found'], 1):.0f} %)"
        wide = f" {share('overridden')} |" if overrides else ""
        print(f"| **all** | {total['found']} | {share('fixed')} | {share('raised')} |{wide} {total['new']} | {total['others']} | | {share('peer')} | {total['peer new']} | {total['peer others']} | |")
        print("\nWhat stays:\n")
        for name, it in listed:
            print(f"- {name}: `{it['package']}` {it['from']} ({', '.join(it['advisories'])}): {it['explanation']}")
        sys.stdout.flush()
    server.shutdown()
    if not arguments.keep:
        shutil.rmtree(scratch, ignore_errors=True)


main()
