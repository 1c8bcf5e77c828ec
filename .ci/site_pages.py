"""What the site shows beside docs/: the README as its first page, and each file of the repository that a page links to.

A hook of MkDocs, named in mkdocs.yml. Nothing is written into docs/: each page has one source.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)(?P<path>[^)#\s]+)(?=[)#])")
_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".sh": "sh", ".yml": "yaml", ".yaml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as index.md, and a page for each file outside docs/ that a page links to."""
    root = Path(config.config_file_path).parent
    pages = {f"docs/{each.src_uri}": each.content_string for each in files.documentation_pages()}
    waiting = ["README.md", *pages]
    files.append(File.generated(config, "decisions/index.md", content=_decisions(root / "docs" / "decisions")))
    while waiting:
        path = waiting.pop()
        if path not in pages:
            pages[path] = _text(root, path)
            files.append(File.generated(config, _place(path), content=pages[path]))
        if path.endswith(".md"):
            waiting += [to for to in _linked(path, pages[path]) if to not in pages and not to.startswith("docs/")]
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Files) -> str:
    """Point links that lead through the repository at the pages that show those files."""
    path = _path(Path(config.config_file_path).parent, page.file.src_uri)
    if not path.endswith(".md"):
        return markdown
    here = posixpath.dirname(page.file.src_uri)

    def moved(match: re.Match[str]) -> str:
        return posixpath.relpath(_place(_target(path, match["path"])), here or ".")

    return _LINK.sub(moved, markdown)


def _decisions(folder: Path) -> str:
    titles = {
        each.name: each.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for each in folder.glob("*.md")
    }
    return "# Design decisions\n\n" + "".join(f"* [{titles[name]}]({name})\n" for name in sorted(titles))


def _linked(path: str, text: str) -> set[str]:
    return {_target(path, match["path"]) for match in _LINK.finditer(text)}


def _target(path: str, link: str) -> str:
    """Give the place from the root of the repository that a link of the file at `path` leads to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if target.startswith(".."):
        message = f"{path} links to {link}, which lies outside the repository"
        raise PluginError(message)
    return "docs/decisions/index.md" if target == "docs/decisions" else target


def _place(path: str) -> str:
    """Give where the site keeps the page of a file; `_path` is the way back."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}" if path.endswith(".md") else f"source/{path}.md"


def _path(root: Path, place: str) -> str:
    if place == "index.md":
        return "README.md"
    if not place.startswith("source/"):
        return f"docs/{place}"
    path = place.removeprefix("source/")
    return path if (root / path).exists() else path.removesuffix(".md")


def _text(root: Path, path: str) -> str:
    """Give a Markdown file as it is, another file as a block of code, and a folder as the list of what lies in it."""
    place = root / path
    if place.is_dir():
        names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in place.iterdir())
        shown = [name for name in names if not name.startswith(("__", "."))]
        return f"# {path}/\n\nIn the repository:\n\n" + "".join(f"* `{name}`\n" for name in shown)
    if not place.is_file():
        message = f"a page links to {path}, which does not exist in the repository"
        raise PluginError(message)
    text = place.read_text(encoding="utf-8")
    if place.suffix == ".md":
        return text
    return f"# {path}\n\n````{_LANGUAGES.get(place.suffix, 'text')}\n{text.rstrip()}\n````\n"
