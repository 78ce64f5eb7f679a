"""What images say of names: generation, measurement and agreement, for validation only."""

from __future__ import annotations

from namebasis.validation.extractors.registry import load_extractor
from namebasis.validation.pictures.generation import Generated, generate
from namebasis.validation.pictures.pipelines import PaintOptions, load_pipeline
from namebasis.validation.study import Validation, validate

__all__ = [
    "Generated",
    "PaintOptions",
    "Validation",
    "generate",
    "load_extractor",
    "load_pipeline",
    "validate",
]
