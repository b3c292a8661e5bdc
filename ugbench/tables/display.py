"""The names that readable formats show for rows and data sets; JSON and CSV keep the registered names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ugbench.errors import UnknownName
from ugbench.method_source import MethodTitles, method_titles
from ugbench.published.titles import published_titles
from ugbench.runs.configurations import label_with
from ugbench.runs.run import label_of
from ugbench.tables.rows import BASE, Row, RowKey, RowTitle


@dataclass(frozen=True)
class DisplayNames:
    """Names of rows and data sets for readers.

    A row is called by the title of its method and variant, see `ugbench.method_source.method_titles`. A method that is
    not installed has the title of its publications, see `ugbench.published.titles`.

    Attributes:
        labels: names that the user has chosen, by the name of a row (`ugatit-no-cam`), of a method (also for its
            variants, whose titles begin with that of the method) or of a data set.
    """

    labels: Mapping[str, str] = field(default_factory=dict)

    def row(self, key: RowKey) -> RowTitle:
        """The display name of a row, whole, and as it is in a table of one method's variants."""
        name = label_of(key.method, key.variant, key.name)
        title = self._title(key)
        if (chosen := self.labels.get(label_with(name, key.config))) is not None:
            return RowTitle(chosen, chosen, title.method)
        if name in self.labels:
            title = RowTitle(self.labels[name], self.labels[name], title.method)
        return RowTitle(label_with(title.text, key.config), label_with(title.short, key.config), title.method)

    def dataset(self, name: str) -> str:
        """The display name of a data set."""
        return self.labels.get(name, name)

    def check(self, rows: Iterable[Row]) -> None:
        """Find every chosen label among these rows and their data sets.

        Raises:
            UnknownName: no row, method or data set has the name; the message suggests a similar one.
        """
        known: dict[str, None] = {}
        for row in rows:
            name = label_of(row.key.method, row.key.variant, row.key.name)
            known |= dict.fromkeys((row.key.method, name, row.name, row.key.dataset))
        for name in self.labels:
            if name not in known:
                raise UnknownName("row or data set of this table (--label)", name, known)

    def _title(self, key: RowKey) -> RowTitle:
        titles = method_titles(key.method)
        if titles == MethodTitles(key.method):
            titles = MethodTitles(published_titles().get(key.method, key.method))
        method = self.labels.get(key.method, titles.method)
        if key.variant is None:
            text, short = method, BASE
        else:
            variant = titles.variants.get(key.variant, f"{titles.method} {key.variant}")
            short = variant.removeprefix(f"{titles.method} ")
            text = variant if short == variant else f"{method} {short}"
        of_name = "" if key.name is None else f" ({key.name})"
        return RowTitle(text + of_name, short + of_name, method)
