"""What was measured, and the one table of it."""

import json
import statistics

# Whom the others are compared with.
AGAINST = ("nginx", "bare", "direct")


class Report:
    """Values by case, peer and measure, in the order in which they came."""

    def __init__(self):
        self.values = {}

    def add(self, case, peer, measure, value):
        """One turn's value. A measure bears its unit: `CPU, µs a request`."""
        self.values.setdefault((case, measure), {}).setdefault(peer, []).append(value)

    def rows(self):
        """A row for each case, measure and peer: the median, how far the turns lie apart, and the median
        as a multiple of nginx's, the bare proxy's and that without a proxy."""
        for (case, measure), peers in self.values.items():
            medians = {peer: statistics.median(values) for peer, values in peers.items()}
            for peer, values in peers.items():
                median = medians[peer]
                against = {other: median / medians[other] for other in AGAINST
                           if medians.get(other)}
                yield {
                    "case": case, "measure": measure, "peer": peer, "median": median,
                    "spread": (max(values) - min(values)) / median if median else 0.0,
                    "of": against, "values": values,
                }

    def json(self, about):
        return json.dumps({"about": about, "rows": list(self.rows())}, indent=2)

    def markdown(self, about):
        lines = [", ".join(f"{key} {value}" for key, value in about.items()), "",
                 "| case | measure | peer | median | spread | of nginx | of bare | of direct |",
                 "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
        for row in self.rows():
            ratios = [f"{row['of'][other]:.2f}" if other in row["of"] else "–" for other in AGAINST]
            spread = f"{row['spread']:.0%}" if len(row["values"]) > 1 else "–"
            cells = [row["case"], row["measure"], row["peer"], figure(row["median"]), spread, *ratios]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def figure(value):
    """Three digits that mean something, or more where they stand before the point."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{places}f}"
