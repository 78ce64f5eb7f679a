"""How identities form while a model trains: checkpoints, trajectories, phases, tracing."""

from __future__ import annotations

from namebasis.formation.results import Formation
from namebasis.formation.study import formation

__all__ = ["Formation", "formation"]
