"""Own directions, and whom parts point to, as figures and pages."""
