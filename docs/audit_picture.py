"""Draw the score card of the README from an audit.

namebasis audit minilm -o audit-minilm
python docs/audit_picture.py audit-minilm
"""

import io
import sys
from pathlib import Path

from PIL import Image

import namebasis as nb

if __name__ == "__main__":
    place = Path(__file__).parent / "images" / "audit-card.webp"
    drawn = io.BytesIO()
    nb.read_audit(sys.argv[1]).plot().savefig(drawn, dpi=150, facecolor="white")
    Image.open(drawn).convert("RGB").save(place, quality=90, method=6)
