"""How identities form while a model trains: checkpoints, trajectories, phases, tracing."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "formation": ".study",
        "trace": ".tracing",
        "trace_encoder": ".tracing",
        "count_mentions": ".mentions.study",
        "identity_in_weights": ".weight_identity.study",
        "learning_coefficients": ".weight_identity.learning_coefficient",
        "Formation": ".results",
        "Watch": ".watching.watch",
        "LearningCoefficients": ".weight_identity.learning_coefficient",
        "Mentions": ".mentions.results",
        "Trace": ".trace_results",
        "Tracing": ".trace_results",
        "WeightIdentity": ".weight_identity.results",
    },
)
