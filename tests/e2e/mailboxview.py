"""What a client believes of its selected mailbox, from nothing but the responses it was sent."""

import re


def uids(text):
    """"1:3,7" as a list."""
    found = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def number(untagged, code):
    """The number of a response code like HIGHESTMODSEQ."""
    return int(re.search(rb"\[" + code + rb" (\d+)\]", b"".join(untagged)).group(1))


def vanished(untagged, earlier=False):
    found = []
    for line in untagged:
        match = re.match(rb"\* VANISHED( \(EARLIER\))? ([\d:,]+)\r\n", line)
        if match and bool(match.group(1)) == earlier:
            found += uids(match.group(2))
    return found


def fetched(untagged):
    """{number: {"UID": n, "FLAGS": frozenset, "MODSEQ": n}} of the FETCH responses."""
    found = {}
    for line in untagged:
        match = re.match(rb"\* (\d+) FETCH \((.*)\)\r\n$", line, re.S)
        if not match:
            continue
        items, rest = {}, match.group(2)
        for name, pattern in (("UID", rb"\bUID (\d+)"), ("MODSEQ", rb"MODSEQ \((\d+)\)")):
            value = re.search(pattern, rest)
            if value:
                items[name] = int(value.group(1))
        flags = re.search(rb"FLAGS \(([^)]*)\)", rest)
        if flags:
            items["FLAGS"] = frozenset(flags.group(1).split())
        found.setdefault(int(match.group(1)), {}).update(items)
    return found
