"""The two statements that fitting consists of, in SQL that every engine can run.

Both read a relation `bought(customer_id, item_id, day)`: what each customer bought on each day (a
day's purchases are one basket), once, returns netted out. `day` is a whole number of days. Both
are plain sums, so parts of a history that are fitted apart may be added up.
"""

from __future__ import annotations

from typing import Literal

# A basket with more items is a resale or a stock count; the cost of pairs is its square.
LARGEST_BASKET = 100
COMPLEMENTS = 100
# Most lines of one customer that are learned from: with more it is a reseller or a till.
LONGEST = 2_000
# Pairs seen once are chance, and most of all pairs.
FEWEST_TOGETHER = 2
# What is bought lately is told from what was: seasons end, ranges change.
RECENT_DAYS = 60
# How much the popularity of the second item counts against it, and what damps rare pairs.
POPULARITY_POWER = 0.55
DAMPING = 10.0
# What a customer must have bought on so many days, that the last one can be asked for.
LEAST_BASKETS = 3

BOUGHT = """
SELECT customer_id, item_id, day
FROM {lines}
WHERE day <= {today}
GROUP BY customer_id, item_id, day
HAVING SUM(quantity) > 0
"""

ITEMS = f"""
SELECT
  item_id,
  COUNT(*) AS buyers,
  SUM(CASE WHEN baskets > 1 THEN 1 ELSE 0 END) AS rebuyers,
  SUM(baskets) AS baskets,
  SUM(last_day - first_day) AS span_days,
  SUM(recent) AS recent
FROM (
  SELECT
    customer_id, item_id, COUNT(*) AS baskets, MIN(day) AS first_day, MAX(day) AS last_day,
    SUM(CASE WHEN day > {{today}} - {RECENT_DAYS} THEN 1 ELSE 0 END) AS recent
  FROM {{bought}}
  GROUP BY customer_id, item_id
) AS one_customer
GROUP BY item_id
"""

# The bought lines but the last basket of some customers (`chosen`), to see if it is foretold.
WITHOUT_LAST = f"""
SELECT b.customer_id, b.item_id, b.day
FROM {{bought}} AS b
LEFT JOIN (
  SELECT one.customer_id, MAX(one.day) AS day
  FROM {{bought}} AS one
  JOIN ({{chosen}}) AS chosen ON chosen.customer_id = one.customer_id
  GROUP BY one.customer_id
  HAVING COUNT(DISTINCT one.day) >= {LEAST_BASKETS}
) AS last_basket ON last_basket.customer_id = b.customer_id AND last_basket.day = b.day
WHERE last_basket.customer_id IS NULL
"""

_PAIRS = f"""
WITH basket AS (
  SELECT customer_id, day, COUNT(*) AS size
  FROM {{bought}}
  GROUP BY customer_id, day
  HAVING COUNT(*) BETWEEN 2 AND {LARGEST_BASKET}
), line AS (
  SELECT b.customer_id, b.day, b.item_id, 1 / SQRT(basket.size - 1) AS weight
  FROM {{bought}} AS b
  JOIN basket ON basket.customer_id = b.customer_id AND basket.day = b.day
), weight AS (
  SELECT item_id, SUM(weight) AS weight, COUNT(*) AS baskets FROM line GROUP BY item_id
), pair AS (
  SELECT a.item_id AS a, b.item_id AS b, SUM(a.weight) AS weight, COUNT(*) AS together
  FROM line AS a
  JOIN line AS b ON a.customer_id = b.customer_id AND a.day = b.day AND a.item_id < b.item_id
  GROUP BY a.item_id, b.item_id
  HAVING COUNT(*) >= {FEWEST_TOGETHER}
), side AS (
  SELECT 1 AS side UNION ALL SELECT 2 AS side
), either AS (
  SELECT
    CASE WHEN side = 1 THEN a ELSE b END AS item_id,
    CASE WHEN side = 1 THEN b ELSE a END AS other_id,
    weight,
    together
  FROM pair CROSS JOIN side
), scored AS (
  SELECT
    either.item_id,
    either.other_id,
    either.together,
    {{score}} AS score
  FROM either
  JOIN weight AS own ON own.item_id = either.item_id
  JOIN weight AS other ON other.item_id = either.other_id
), ranked AS (
  SELECT
    item_id, other_id, together, score,
    ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY score DESC, other_id) AS place
  FROM scored
)
SELECT item_id, other_id, together, score FROM ranked WHERE place <= {COMPLEMENTS}
"""

Strength = Literal["damped_lift", "cosine", "confidence"]
# How strongly one item goes with another: ours, and the usual ones it is measured against.
_STRENGTHS: dict[Strength, str] = {
    "damped_lift": (
        f"either.weight / own.weight / POWER(other.baskets, {POPULARITY_POWER})"
        f" * either.together / (either.together + {DAMPING})"
    ),
    "cosine": "either.together / SQRT(1.0 * own.baskets * other.baskets)",
    "confidence": "1.0 * either.together / own.baskets",
}


def pairs_statement(bought: str, strength: Strength = "damped_lift") -> str:
    """Return the statement that gives what goes with each item, the strongest pairs."""
    return _PAIRS.format(bought=bought, score=_STRENGTHS[strength])


COMPLEMENT_PAIRS = _PAIRS.format(bought="{bought}", score=_STRENGTHS["damped_lift"])
