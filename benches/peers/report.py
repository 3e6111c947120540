"""What was measured, and the one table of it."""

import json
import statistics

# Whom the others are compared with.
AGAINST = ("nginx", "bare", "direct")


class Report:
    """Values by case, measure and peer, in the order in which they came."""

    def __init__(self):
        self.values = {}

    def add(self, case, peer, measure, value):
        """One turn's value. A measure bears its unit: `CPU of the peer, µs/request`."""
        self.values.setdefault((case, measure), {}).setdefault(peer, []).append(value)

    def rows(self):
        """Each case and measure, and for each peer: the median, how far the turns lie apart, and the median
        as a multiple of nginx's, the bare proxy's and that without a proxy."""
        for (case, measure), peers in self.values.items():
            medians = {peer: statistics.median(values) for peer, values in peers.items()}
            yield {"case": case, "measure": measure, "peers": {peer: {
                "median": medians[peer],
                "spread": (max(values) - min(values)) / medians[peer] if medians[peer] else 0.0,
                "of": {other: medians[peer] / medians[other] for other in AGAINST if medians.get(other)},
                "values": values,
            } for peer, values in peers.items()}}

    def json(self, about):
        """All of it."""
        return json.dumps({"about": about, "rows": list(self.rows())}, indent=2, ensure_ascii=False)

    def markdown(self, about, peers, ours):
        """A row for each case and measure, a column for each peer; then what the builds of gitlatch, `ours`,
        are as multiples of others; last the widest spread of the row."""
        peers = [peer for peer in peers if any(peer in row["peers"] for row in self.rows())]
        pairs = [(own, other) for own in ours for other in AGAINST if other in peers]
        head = ["case", "measure", *peers, *(f"{own} ÷ {other}" for own, other in pairs), "spread"]
        lines = [", ".join(f"{key} {value}" for key, value in about.items()), "",
                 _line(head), _line(["---", "---", *["---:"] * (len(head) - 2)])]
        for row in self.rows():
            of = row["peers"]
            medians = [figure(of[peer]["median"]) if peer in of else "–" for peer in peers]
            ratios = [of.get(own, {"of": {}})["of"].get(other) for own, other in pairs]
            ratios = ["–" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
            turns = max(len(peer["values"]) for peer in of.values())
            spread = f"{max(peer['spread'] for peer in of.values()):.0%}" if turns > 1 else "–"
            lines.append(_line([row["case"], row["measure"], *medians, *ratios, spread]))
        return "\n".join(lines)


def _line(cells):
    return f"| {' | '.join(cells)} |"


def figure(value):
    """Three digits that mean something, or more where they stand before the point."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{places}f}"
