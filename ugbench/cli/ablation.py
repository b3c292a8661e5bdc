"""What `ugbench ablate` says beyond the table: differences to the full method."""

from __future__ import annotations

from ugbench.cli.output import print_rows, say
from ugbench.cli.study import Conclusion, Scored


def against(scored: Scored, method: str) -> Conclusion:
    """The method's variants in a paper's layout, and each variant's difference to the base where KID was scored."""
    from ugbench.analysis import comparisons, differences
    from ugbench.tables import ablation

    found = []
    if differences.are_due(scored.scores) and len(scored.runs) > 1:
        found = comparisons.compare_methods(scored.evaluation, method, runs=scored.runs)
    layout = ablation.ablation_table(scored.table, method, found)

    def show() -> None:
        print_rows(layout.header, layout.rows)
        for note in layout.notes:
            say(note)
        for one in found:
            print(f"{one.dataset} {one.direction}: {one.method_text()}")

    return Conclusion({"differences": [one.to_json() for one in found], "ablation": ablation.to_json(layout)}, show)
