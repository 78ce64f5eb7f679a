"""How identities form while a model trains: checkpoints, trajectories, phases, tracing."""

from __future__ import annotations

from namebasis.formation.results import Formation
from namebasis.formation.study import formation
from namebasis.formation.trace_results import Trace, Tracing
from namebasis.formation.tracing import trace, trace_encoder

__all__ = ["Formation", "Trace", "Tracing", "formation", "trace", "trace_encoder"]
