"""Where the files are that come with the program: dbt project, expectations, reference seeds, sample, examples, docs.

In a clone they lie beside this package; a wheel carries them in it (hatch_build.py), in the same order. Nothing is ever
written there.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent

_IN_A_WHEEL = PACKAGE_DIR / "distribution"

#: Parent of dbt/, expectations/, seeds/, examples/, docs/ and the sample's pipeline.yml.
PROJECT_DIR = _IN_A_WHEEL if _IN_A_WHEEL.is_dir() else PACKAGE_DIR.parent
