"""A few atoms whose weighted sum stands for a target, and the components behind them."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
