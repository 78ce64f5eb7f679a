"""`where`: one boolean SQL expression over the columns, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from namebasis.errors import FilterError

# Text in single quotes ('' is a quote inside), names in double quotes or backticks, or a sign.
_PIECES = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--|/\*|[();'\"`]")


def check_where(where: str, columns: Sequence[str]) -> str:
    """Return `where` in parentheses, so that nothing may follow the expression.

    Parameters
    ----------
    where : str
        Such as `gender = 'F' AND n_tokens = 1`.
    columns : sequence of str
        Those there are, for the messages.

    Raises
    ------
    FilterError
        If it is empty, holds a `;` outside of quotes or a comment, or quotes and parentheses do not
        pair up. What only the engine can see (unknown columns, no boolean) is refused when it runs.
    """
    if not isinstance(where, str) or not where.strip():
        raise filter_error(where, "it is empty", columns)
    if "\0" in where:
        raise filter_error(where, "it holds a NUL byte", columns)
    depth = 0
    for match in _PIECES.finditer(where):
        piece = match.group()
        if piece == ";":  # but not one in a name
            raise filter_error(where, "it holds a ';'", columns)
        if piece in {"--", "/*"}:
            raise filter_error(where, "it holds a comment", columns)
        if piece in {"'", '"', "`"}:
            raise filter_error(where, f"a {piece} is not closed", columns)
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            break
    if depth:
        raise filter_error(where, "its parentheses do not pair up", columns)
    return f"({where.strip()})"


def filter_error(where: object, reason: str, columns: Sequence[str]) -> FilterError:
    """The error for a refused expression: what, why, and the columns there are."""
    return FilterError(
        f"where must be one boolean SQL expression; got {where!r}: {reason}. "
        f"The columns are {', '.join(columns)}."
    )


def explain(where: str, error: Exception, columns: Sequence[str]) -> FilterError:
    """Turn the engine's complaint about an expression into one line."""
    text = str(error).partition(", /")[0].removeprefix("Invalid user input: ")
    text = text.replace("Schema error: ", "").partition(" Valid fields are")[0]
    text = text.partition("(sql parser error: ")[2].rstrip(")") or text
    return filter_error(where, " ".join(text.split()).rstrip(".") or "it is refused", columns)


def quote(text: str) -> str:
    """Write a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
