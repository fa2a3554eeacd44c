"""On histories with long gaps and few items, both baselines are beaten; pairs are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from app.suggest.csv_history import CsvHistory
from app.suggest.duck import DuckEngine
from app.suggest.fit import fit
from app.suggest.scoring import Basket, likely_next
from tests.suggest.histories import business, write_history

AT = 5
History = list[Basket]


def test_a_business_with_long_gaps_is_served_better_than_by_either_baseline(
    tmp_path: Path,
) -> None:
    lines = business(customers=400, days=700, usual_gap=60, favourites=6)
    last = {customer: day for customer, _, day, _, _, _ in lines}
    known = [line for line in lines if line[2] < last[line[0]]]
    hidden = {
        c: {line[3] for line in lines if line[0] == c and line[2] == d} for c, d in last.items()
    }
    path = write_history(tmp_path / "history.csv", known)
    with DuckEngine() as engine:
        history = CsvHistory(path, engine.db)
        engine.read(history.relation, history.parameters, history.last_day)
        tables = fit(engine, tmp_path / "tables", about={})
    histories: dict[str, History] = {}
    for customer, _, day, item, _, _ in sorted(known, key=lambda line: line[2], reverse=True):
        own = histories.setdefault(customer, [])
        number = day.toordinal()
        if own and own[-1].day == number:
            own[-1] = Basket(number, (*own[-1].items, item))
        else:
            own.append(Basket(number, (item,)))
    popular = [item for item, _ in tables.popular()]

    def ours(customer: str, own: History) -> list[str]:
        found = likely_next(own, last[customer].toordinal(), tables)
        return [each.item_id for each in found]

    def personal(_customer: str, own: History) -> list[str]:
        times = Counter(item for basket in own for item in basket.items)
        best = [item for item, _ in times.most_common()]
        return best + [item for item in popular if item not in times]

    def everybody(_customer: str, _own: History) -> list[str]:
        return popular

    def recall(rank: Callable[[str, History], list[str]]) -> float:
        found = [
            len(set(rank(customer, own)[:AT]) & hidden[customer]) / len(hidden[customer])
            for customer, own in histories.items()
            if hidden[customer]
        ]
        return sum(found) / len(found)

    measured = {rank.__name__: recall(rank) for rank in (ours, personal, everybody)}
    assert measured["ours"] > measured["personal"] > measured["everybody"], measured
    tables.close()
