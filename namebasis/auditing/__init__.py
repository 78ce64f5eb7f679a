"""An audit: what one encoder believes about names, asked in one fixed plan, and two compared."""

from namebasis.lazy import attach as _attach

_HOMES = {
    "Audit": ".results",
    "AuditComparison": ".compared",
    "Claim": ".claims",
    "audit": ".study",
    "compare_audits": ".comparison",
    "read_audit": ".files",
    "read_comparison": ".comparison_files",
}

__getattr__, __dir__ = _attach(__name__, _HOMES)
