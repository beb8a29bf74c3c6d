"""Settings for every test."""

import gc
import os
import sys

from hypothesis import settings

# Compiled once and kept: each process of each stack would compile the product anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test may reach a real account, even if the machine has credentials.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    # A lost worker is noticed after its time-out: short, or tests would only wait.
    EXTRACT_BUDGET_SECONDS="12",
    WORKER_TIMEOUT_SECONDS="14",
    WORKER_START_SECONDS="12",
    WORKER_GRACE_SECONDS="0.5",
    WORKER_SILENT_SECONDS="6",
    PROOF_WAIT_SECONDS="2",
)
for _name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
    del os.environ[_name]
# If no name can be resolved, the connector spends 5 s on asking for its cloud.
os.environ["SNOWFLAKE_DISABLE_PLATFORM_DETECTION"] = "true"
# No test judges time: a busy machine is not a defect.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Thousands of collected tests are no garbage: looking through them took a tenth of the
# unit tests' time.
gc.set_threshold(20_000, 20, 50)


def pytest_collection_finish() -> None:
    """What lives until the end is not looked at again."""
    gc.collect()
    gc.freeze()
