"""For the tests that drive built programs: where they are, and the module that starts them."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "system"))
