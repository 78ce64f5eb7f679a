"""What images say of names: generation, measurement and agreement, for validation only."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "generate": ".pictures.generation",
        "load_extractor": ".extractors.registry",
        "load_faces": ".faces.detectors",
        "load_pipeline": ".pictures.pipelines",
        "validate": ".study",
        "Generated": ".pictures.generation",
        "PaintOptions": ".pictures.pipelines",
        "Validation": ".study",
    },
)
