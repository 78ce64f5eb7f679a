"""Small pages to draw in tests, with hostile and difficult names."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.report.name_map import MapCluster, NameMap
from namebasis.studies.topology.pages.page import TopologyPage
from namebasis.studies.topology.pages.tables import (
    AgreementRow,
    AgreementSection,
    ClusterRow,
    ClustersSection,
    Stability,
)

HOSTILE = ("<script>alert(1)</script>", "</script><b>x", "'\"><img src=x onerror=alert(2)>",
           "{{7*7}}", "\u2028line", "\\u003c", "http://evil.example/x.js")  # fmt: skip
DIFFICULT = ("جمال الدّين", "אודליה", "श्रेष्‍ठ", "अञ्जना", "红梅", "Ó hOileáin", "x" * 400, "a\u202eb")


def name_map(
    n: int, n_clusters: int = 3, title: str = "text view", label: str = "cluster"
) -> NameMap:
    """`n` names in `n_clusters` groups and as many again in none, at places drawn at random."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % (n_clusters + 1) - 1).astype(np.int64)
    angle = 2 * np.pi * labels / max(n_clusters, 1)
    centres = 6 * np.sqrt(max(n_clusters, 1)) * np.column_stack([np.cos(angle), np.sin(angle)])
    m = min(3, n - 1)
    return NameMap(
        title=title,
        places=(rng.standard_normal((n, 2)) + centres).astype(np.float32),
        labels=labels,
        probabilities=np.where(labels < 0, 0.0, 0.5),
        neighbours=(np.arange(n)[:, None] + np.arange(1, m + 1)) % n,
        similarities=np.full((n, m), 0.25, np.float32),
        clusters=[
            MapCluster(f"{label} {c}", int((labels == c).sum()), (c + 1,))
            for c in range(n_clusters)
        ],
    )


def content(
    n: int = 300, names: tuple[str, ...] = HOSTILE, *, n_clusters: int = 3, **changes: Any
) -> TopologyPage:
    """A page of `n` names, the last of them Vicki; `names` are in every place of the page."""
    everyone = [*names, *(f"Name {i}" for i in range(n - len(names) - 1)), "Vicki"]
    shown = name_map(n, n_clusters, label=names[0])
    rows = [
        ClusterRow(
            label=cluster.label,
            size=cluster.size,
            exemplars=[(name, i) for i, name in enumerate(names[:3])],
            traits=[("is_IS", "92 % · ×50")],
            similarity=0.5,
            color=color,
            stability=Stability(0.8, (0.7, 0.9), 0.2) if number == 0 else None,
        )
        for number, (cluster, color) in enumerate(zip(shown.clusters, shown.colors(), strict=True))
    ]
    agreement = [
        AgreementRow("locale", 10, 2, 0.7, 0.1, 0.667, 0.5, 0.01, 0.4, 0.1),
        AgreementRow("gender", 0, 0, None, None, None, None, None, None, None),
    ]
    filled: dict[str, Any] = {
        "title": f"A {names[0]} page",
        "lead": names[-1],
        "finding": names[1],
        "facts": [(names[0], names[-1])],
        "names": everyone,
        "details": [names[-1]] * n,
        "maps": [shown],
        "sections": [AgreementSection(agreement, 99), ClustersSection(rows)],
        "notes": [names[0]],
        "footer": [("space", names[1])],
        "properties": {names[0]: [names[1] if i % 2 else "" for i in range(n)]},
    }
    return TopologyPage(**(filled | changes))
