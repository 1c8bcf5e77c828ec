"""Pages of HTML: one file each that needs nothing else and loads nothing; every text in them is escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def page_template(package: str, name: str) -> Template:
    """Load a template from the folder ``templates`` of a package.

    What it is given is escaped, wherever it comes from; a name that is not given is an error and no empty text.
    """
    loader = PackageLoader(package, "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return pages.get_template(name)
