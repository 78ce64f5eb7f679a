"""How identities form while a model trains: checkpoints, trajectories, phases, tracing."""

from __future__ import annotations

from namebasis.formation.results import Formation
from namebasis.formation.study import formation
from namebasis.formation.tracing import Trace, Tracing, trace, trace_encoder

__all__ = ["Formation", "Trace", "Tracing", "formation", "trace", "trace_encoder"]
