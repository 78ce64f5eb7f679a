"""Templates: sentences with one {} where a name goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from namebasis.reading import UnreadableError, packaged_text, parse_toml, read_toml
from namebasis.wording import did_you_mean


@dataclass(frozen=True)
class Templates:
    """A named set of templates.

    Attributes
    ----------
    name : str
        Of the set; `custom` for a string or a list, the file's stem for a TOML file.
    templates : tuple of str
        Each holds `{}` once.
    """

    name: str
    templates: tuple[str, ...]


def template_sets() -> dict[str, tuple[str, ...]]:
    """The packaged sets by name."""
    sets = parse_toml(packaged_text("templates.toml"), "templates.toml")
    return {name: tuple(items) for name, items in sets.items()}


def load_templates(templates: str | Path | Sequence[str] | Templates) -> Templates:
    """Read templates from a set's name, a string with {}, a list, or a TOML file.

    Parameters
    ----------
    templates : str, Path, list of str, or Templates
        A TOML file holds one list, `templates = ["a photo of {}", …]`.

    Raises
    ------
    ValueError
        If a set is unknown, a file cannot be read, or a template does not hold {} once.
    """
    if isinstance(templates, Templates):
        return Templates(templates.name, _check(templates.templates))
    if isinstance(templates, Path) or (isinstance(templates, str) and templates.endswith(".toml")):
        return _read_file(Path(templates))
    if not isinstance(templates, str):
        return Templates("custom", _check(templates))
    if "{" in templates:
        return Templates("custom", _check([templates]))
    known = template_sets()
    if templates not in known:
        raise ValueError(
            f"templates must be one of {', '.join(known)}, a string with {{}}, a list of those "
            f"or a .toml file; got {templates!r}.{did_you_mean(templates, known)}"
        )
    return Templates(templates, _check(known[templates]))


def _read_file(path: Path) -> Templates:
    try:
        content = read_toml(path)
    except UnreadableError as error:
        raise ValueError(f"{path}: cannot be read as TOML ({error.reason}).") from None
    items = content.get("templates")
    if not isinstance(items, list):
        raise ValueError(f'{path}: needs one list, templates = ["a photo of {{}}", …].')
    return Templates(path.stem, _check(items))


def _check(templates: Sequence[str]) -> tuple[str, ...]:
    if not templates:
        raise ValueError("templates must hold at least one template; got none.")
    for template in templates:
        is_text = isinstance(template, str)
        if not is_text or template.count("{}") != 1 or template.count("{") != 1:
            raise ValueError(f"a template must hold {{}} exactly once; got {template!r}.")
        if "}" in template.replace("{}", ""):
            raise ValueError(f"a template must hold no other brace than {{}}; got {template!r}.")
    if len(set(templates)) != len(templates):
        raise ValueError("templates must differ from each other; one is there twice.")
    return tuple(templates)
