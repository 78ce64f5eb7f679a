"""The version, where modules can read it that the package itself imports."""

__version__ = "0.2.0"
