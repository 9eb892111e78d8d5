"""What serving's tests need is the extra [serve] and a client; without them they are left out."""

import pytest

for package in ("starlette", "uvicorn", "httpx"):
    pytest.importorskip(package, reason=f"{package} is not installed; `make setup` adds it")
