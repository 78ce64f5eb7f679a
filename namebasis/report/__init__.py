"""Figures and pages drawn from result objects."""
