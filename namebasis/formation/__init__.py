"""How identities form while a model trains: checkpoints, trajectories, phases, tracing."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "formation": ".study",
        "trace": ".tracing",
        "trace_encoder": ".tracing",
        "count_mentions": ".mentions.study",
        "Formation": ".results",
        "Mentions": ".mentions.results",
        "Trace": ".trace_results",
        "Tracing": ".trace_results",
    },
)
