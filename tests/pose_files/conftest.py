import sys
from pathlib import Path

# The small files of every format, good and bad, which lie beside the tests of the formats.
sys.path.append(str(Path(__file__).resolve().parents[1] / "formats"))
