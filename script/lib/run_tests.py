"""What script/test runs: each stage adds to the totals; a stage that fails prints why; the last line holds the totals."""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[2]
totals = {"passed": 0, "failed": 0, "skipped": 0}
verbose = bool(os.environ.get("WAXWING_TEST_VERBOSE"))


def count(passed=0, failed=0, skipped=0):
    totals["passed"] += passed
    totals["failed"] += failed
    totals["skipped"] += skipped


def run(arguments, timeout, **more):
    try:
        done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, **{"cwd": TOP, **more})
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else (late.stdout or "")
        return 124, text + "\n(not finished within %d s)" % timeout


def say(title, text, lines=60):
    print("FAILED: %s" % title)
    print("\n".join("    " + line for line in text.splitlines()[-lines:]))
    sys.stdout.flush()


def step(title, arguments, timeout=600, **more):
    """One command that passes or fails as a whole."""
    started = time.monotonic()
    code, text = run(arguments, timeout, **more)
    if verbose:
        print("%-50s %6.1f s" % (title, time.monotonic() - started), flush=True)
    if code:
        say(title, text)
        count(failed=1)
        return False
    count(passed=1)
    return True


def each(title, jobs, timeout=120, **more):
    """Many commands, two at a time, that pass or fail as a whole."""
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda job: run(job, timeout, **more), jobs))
    bad = [text for code, text in answers if code]
    if verbose:
        print("%-50s %6.1f s" % (title, time.monotonic() - started), flush=True)
    if bad:
        say("%s: %d of %d files" % (title, len(bad), len(jobs)), "\n".join(bad), 100)
    count(passed=not bad, failed=bool(bad))


def build(folder, *options, environment=None):
    code, text = run(["script/build", folder, *options], 1800, env=dict(os.environ, **(environment or {})))
    if code:
        say("build " + folder, text, 80)
        count(failed=1)
    return code == 0


def unit_tests(folder, environment=None):
    """Every cmocka program of a build; single tests are counted."""
    code, text = run(["meson", "test", "-C", folder, "--no-rebuild", "--verbose", "--num-processes", "2"], 1200, env=dict(os.environ, **(environment or {})))
    passed = len(re.findall(r"\[       OK \]", text))
    failed = len(set(re.findall(r"\[  FAILED  \] ([A-Za-z_0-9]+)$", text, re.M)))
    if code and not failed:
        failed = 1
    count(passed, failed)
    if code:
        say("unit tests in " + folder, text, 80)


def replay_corpora(folder):
    """Each fuzz target over its corpus, as an ordinary program."""
    for program in sorted((TOP / folder / "fuzz").glob("replay-*")):
        if program.is_file() and os.access(program, os.X_OK):
            name = program.name.removeprefix("replay-")
            corpus = TOP / "fuzz" / "corpus" / name
            step("replay " + name, [program, corpus] if corpus.is_dir() else [program], 300)


def end_to_end(folder, *options, timeout=1500):
    if not (TOP / "src" / "imap" / "engine.c").exists():
        count(skipped=1)  # there is nothing to log in to before IMAP stands
        return
    report = TOP / folder / "e2e.xml"
    report.unlink(missing_ok=True)
    binary = next(p for p in (TOP / folder).rglob("waxwing") if p.is_file() and os.access(p, os.X_OK))
    environment = dict(os.environ, WAXWING_BINARY=str(binary), ASAN_OPTIONS="detect_leaks=0:abort_on_error=1", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
                       TSAN_OPTIONS="halt_on_error=0:suppressions=%s:die_after_fork=0" % (TOP / "tests" / "support" / "tsan.supp"))
    if folder != "build":
        environment["WAXWING_SANITIZED"] = "1"
    code, text = run(["/usr/bin/python3", "-m", "pytest", "-q", "-n", "3", "-x" if os.environ.get("WAXWING_TEST_FIRST") else "-q", "--tb=short", "-p", "no:cacheprovider",
                      "--junitxml", report, "tests/e2e", *options], timeout, env=environment)
    if not report.exists():
        say("end-to-end tests on " + folder, text)
        count(failed=1)
        return
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    number = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    count(number["tests"] - failed - number["skipped"], failed, number["skipped"])
    if code not in (0, 5):
        say("end-to-end tests on " + folder, text, 120)


def plain():
    if not build("build"):
        return
    step("floors", ["script/check-floors"])
    unit_tests("build")
    replay_corpora("build")
    if (TOP / "script" / "crash").exists():
        step("kill -9 loop, 20 cycles", ["script/crash", "20"], 600)
    end_to_end("build")


def fuzz_smoke(seconds):
    if not build("build-fuzz", "-Dfuzz=true", "-Dtests=false", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debugoptimized", environment={"CC": "clang"}):
        return
    targets = sorted(p for p in (TOP / "build-fuzz" / "fuzz").glob("fuzz-*") if p.is_file())
    running = []

    def finish(entry):
        name, process, log, new = entry
        code = process.wait()
        text = log.read_text(errors="replace")
        if code:
            say("fuzz " + name, text)
            count(failed=1)
        else:
            count(passed=1)

    for target in targets:
        name = target.name.removeprefix("fuzz-")
        work = TOP / "build-fuzz" / "corpus" / name
        work.mkdir(parents=True, exist_ok=True)
        log = TOP / "build-fuzz" / (name + ".log")
        kept = TOP / "fuzz" / "corpus" / name
        dictionary = TOP / "fuzz" / (name + ".dict")
        command = [target, work] + ([kept] if kept.is_dir() else []) + (["-dict=%s" % dictionary] if dictionary.exists() else [])
        command += ["-max_total_time=%d" % seconds, "-timeout=10", "-rss_limit_mb=2048", "-artifact_prefix=%s/" % (TOP / "build-fuzz"), "-verbosity=0"]
        running.append((name, subprocess.Popen([str(c) for c in command], stdout=open(log, "wb"), stderr=subprocess.STDOUT, cwd=TOP), log, work))
        if len(running) == 2:
            finish(running.pop(0))
    for entry in running:
        finish(entry)


def compilations(folder):
    """(source, compiler command without its outputs) of everything under src/, the longest first: two workers end together."""
    found = {}
    for entry in json.loads((TOP / folder / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if source.is_relative_to(TOP / "src"):
            words = shlex.split(entry["command"])
            found[source] = words[:words.index("-MD")] + ["-c", source]
    return sorted(found.items(), key=lambda row: -row[0].stat().st_size)


def analysers():
    """clang-tidy by .clang-tidy, gcc -fanalyzer. One file a run: LLVM 14 sees va_list wrongly in the second file of one."""
    sources = compilations("build")
    each("clang-tidy", [["clang-tidy", "-p", TOP / "build", "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                         "--extra-arg=-ftrivial-auto-var-init=uninitialized", source] for source, _ in sources])
    each("gcc -fanalyzer", [command + ["-fanalyzer", "-o", "/dev/null"] for _, command in sources], cwd=TOP / "build")


def static_checks():
    sources = [str(p.relative_to(TOP)) for folder in ("src", "tests", "fuzz", "bench") for p in sorted((TOP / folder).rglob("*.[ch]"))]
    step("clang-format", ["clang-format", "--dry-run", "-Werror", *sources])
    step("cppcheck", ["cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11", "--enable=warning,portability", "--suppressions-list=tests/support/cppcheck.suppress", "-j2", "-Isrc", "src"], 900)
    analysers()
    for page in sorted((TOP / "docs" / "man").glob("*.[0-9]")):
        step("mandoc " + page.name, ["mandoc", "-Tlint", "-Wwarning", page])


def deep():
    if not build("build"):
        return
    static_checks()
    if build("build-asan", "-Db_sanitize=address,undefined", "-Db_lundef=false"):
        unit_tests("build-asan", {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        end_to_end("build-asan", timeout=1500)
    if build("build-tsan", "-Db_sanitize=thread", "-Db_lundef=false"):
        unit_tests("build-tsan", {"TSAN_OPTIONS": "suppressions=%s" % (TOP / "tests" / "support" / "tsan.supp")})
        end_to_end("build-tsan", timeout=1500)
    fuzz_smoke(int(os.environ.get("WAXWING_FUZZ_SECONDS", "60")))
    if (TOP / "script" / "crash").exists():
        step("kill -9 loop, 200 cycles", ["script/crash", "200"], 1800)


def main():
    started = time.monotonic()
    (deep if "--deep" in sys.argv else plain)()
    if verbose:
        print("%.0f s" % (time.monotonic() - started))
    print("%d passed, %d failed, %d skipped" % (totals["passed"], totals["failed"], totals["skipped"]))
    sys.exit(1 if totals["failed"] or not totals["passed"] else 0)


main()
