"""A YAML file as plain values, with the line of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from app.errors import UserError

Path = tuple[str | int, ...]


@dataclass
class YamlFile:
    """The values of a file, and what is found wrong with them. `problems` name no secrets."""

    name: str
    values: dict[str, Any]
    _root: CommentedMap = field(repr=False)
    _problems: list[tuple[tuple[int, int], str]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str, name: str) -> YamlFile:
        """Read the text of a file; `name` is what messages call it.

        Raises:
            UserError: it is not YAML, or not a mapping; one line with the line's number.
        """
        try:
            root = YAML(typ="rt", pure=True).load(text)
            if not isinstance(root, CommentedMap):
                raise UserError(
                    f"{name}:1: the file must be a mapping such as connectors: […]; it is "
                    f"{'empty' if root is None else 'something else'}"
                )
            return cls(name, _plain(root), root)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = (error.problem or error.context or "not YAML").split("\n")[0]
            raise UserError(f"{name}:{mark.line + 1 if mark else 1}: {what}") from None
        except YAMLError as error:
            line = text.count("\n", 0, getattr(error, "position", 0)) + 1
            why = "holds a character that YAML does not allow; save it as UTF-8 text"
            raise UserError(f"{name}:{line}: the file {why}") from None
        except RecursionError:
            raise UserError(f"{name}:1: the file is nested too deeply") from None

    def position(self, path: Path) -> tuple[int, int]:
        """Return line and column (from 1) of a key, or of the nearest thing around it."""
        node: Any = self._root
        found = (1, 1)
        for part in path:
            try:
                if isinstance(node, CommentedMap):
                    line, column = node.lc.key(part)
                elif isinstance(node, CommentedSeq):
                    line, column = node.lc.item(part)
                else:
                    break
            except (KeyError, IndexError, TypeError):
                # A missing key, or one that `<<` brought from elsewhere.
                break
            found = (line + 1, column + 1)
            node = node[part]
        return found

    @property
    def problem_count(self) -> int:
        """How many problems were noted."""
        return len(self._problems)

    def wrong(self, path: Path, why: str) -> None:
        """Note that the value at a path is wrong."""
        self._problems.append((self.position(path), f"{written(path)}: {why}"))

    def refuse_if_wrong(self) -> None:
        """Refuse the file for the first of its problems, in the order of the file.

        Raises:
            UserError: `FILE:LINE: phone_systems[1].slug: why`.
        """
        if self._problems:
            (line, _column), what = min(self._problems, key=lambda problem: problem[0])
            raise UserError(f"{self.name}:{line}: {what}")


def written(path: Path) -> str:
    """Write a path as people do: `phone_systems[1].slug`."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
    return text.removeprefix(".")


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str | bytes):
        return [_plain(value) for value in node]
    for kind in (str, bool, int, float):
        # ruamel's own subclasses remember how a value was written.
        if isinstance(node, kind):
            return kind(node)
    return node
