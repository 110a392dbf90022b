"""The branches of the SQL of a figure: what may be taken out of it, one at a time, to see whether a test misses it.

A branch is a member of an OR, a SELECT of a UNION or a step of VALUES: each sees a false state of its own. Those under a
NOT, in a CASE, in a call or in a value are no branches: they say what is left out, or how what is found is said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|%\(\w+\)s|\w+|[^\s\w]")
# What stands before a bracket that holds rows or conditions of its own.
_OPENS = {
    "FROM", "JOIN", "AS", "LATERAL", "AND", "OR", "WHERE", "HAVING", "ON", "EXISTS", "IN", "ALL", "UNION", "MATERIALIZED",
}  # fmt: skip
# Where a condition begins, and where it ends.
_BEGINS = {"WHERE", "HAVING", "ON"}
_ENDS = {
    "GROUP", "ORDER", "LIMIT", "UNION", "JOIN", "LEFT", "CROSS", "INNER", "FULL", "WINDOW", "OFFSET", "SELECT", "FROM", "WITH",
}  # fmt: skip


@dataclass
class _Part:
    """A word, or a bracket (or a CASE) with its parts; where it stands in the text."""

    word: str
    start: int
    end: int
    parts: list["_Part"] = field(default_factory=list)


@dataclass(frozen=True)
class Branch:
    """One branch, and the SQL without it."""

    text: str
    without: str


def branches(sql: str) -> list[Branch]:
    """Every branch of a statement, in the order in which it is written."""
    whole = _read(sql)
    return [
        Branch(" ".join(sql[start:end].split()), sql[:start] + left.format(sql[start:end]) + sql[end:])
        for start, end, left in sorted(set(_of(whole)))
    ]


def _read(sql: str) -> list[_Part]:
    stack: list[_Part] = [_Part("", 0, len(sql))]
    for found in _TOKEN.finditer(sql):
        text = found.group()
        if text.startswith("--"):
            continue
        part = _Part(text.upper(), found.start(), found.end())
        if part.word in ("(", "CASE"):
            stack[-1].parts.append(part)
            stack.append(part)
        elif part.word == ")" or (part.word == "END" and stack[-1].word == "CASE"):
            stack.pop().end = part.end
        else:
            stack[-1].parts.append(part)
    return stack[0].parts


def _of(parts: list[_Part]) -> Iterator[tuple[int, int, str]]:
    """Where each branch of a level and of those under it stands, and what is put in its place."""
    yield from _members(parts)
    yield from _steps(parts)
    yield from _alternatives(parts)
    for place, part in enumerate(parts):
        if part.word == "(" and _opens([one.word for one in parts[:place]]):
            yield from _of(part.parts)


def _opens(before: list[str]) -> bool:
    """Whether a bracket after these words holds rows or conditions of its own, and says that they are there."""
    return (not before or before[-1] in _OPENS) and not {"NOT", "DISTINCT"} & set(before[-2:])


def _members(parts: list[_Part]) -> Iterator[tuple[int, int, str]]:
    cuts = [place for place, part in enumerate(parts) if part.word == "UNION"]
    if not cuts:
        return
    ends = [
        *cuts,
        next((n for n, part in enumerate(parts) if n > cuts[-1] and part.word in ("ORDER", "LIMIT")), len(parts)),
    ]
    # What WITH names stands before them all.
    begin = next(n for n, part in enumerate(parts) if part.word == "SELECT") if parts[0].word == "WITH" else 0
    for end in ends:
        yield parts[begin].start, parts[end - 1].end, "({} LIMIT 0)"
        begin = end + (2 if end < len(parts) - 1 and parts[end + 1].word == "ALL" else 1)


def _steps(parts: list[_Part]) -> Iterator[tuple[int, int, str]]:
    for place, part in enumerate(parts):
        if part.word != "VALUES":
            continue
        rows = []
        for one in parts[place + 1 :]:
            if one.word == "(":
                rows.append(one)
            elif one.word != ",":
                break
        if len(rows) > 1:
            for n, row in enumerate(rows):
                if n:
                    yield rows[n - 1].end, row.end, ""
                else:
                    yield row.start, rows[1].start, ""


def _alternatives(parts: list[_Part]) -> Iterator[tuple[int, int, str]]:
    # A bracket that holds a condition alone is a condition from its first word on.
    chain: list[_Part] | None = None if any(part.word == "SELECT" for part in parts) else []
    chains: list[list[_Part]] = []
    words = [part.word for part in parts]
    for place, part in enumerate(parts):
        # "IS DISTINCT FROM" and "left(siret, 9)" end nothing.
        inside = words[max(place - 1, 0) : place + 1] == ["DISTINCT", "FROM"] or words[place : place + 2] == [
            "LEFT",
            "(",
        ]
        if (part.word in _BEGINS or part.word in _ENDS) and not inside:
            chains.append(chain or [])
            chain = [] if part.word in _BEGINS else None
        elif chain is not None:
            chain.append(part)
    for whole in [*chains, chain or []]:
        if not any(part.word == "OR" for part in whole):
            continue
        member: list[_Part] = []
        for part in [*whole, _Part("OR", 0, 0)]:
            if part.word == "OR":
                yield member[0].start, member[-1].end, "FALSE"
                member = []
            else:
                member.append(part)
