"""The scripted house is a module of its own, so that every test here can name its parts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
