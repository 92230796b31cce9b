import os
import pathlib
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CONSENTRY_BUILD", ROOT / "build" / "dev"))
def forgetful():
    return BUILD / "lib" / "forgetful.so"
