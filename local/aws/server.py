"""AWS on one machine: moto's server (S3, Secrets Manager, ...) as a process of its own.

python -m local.aws.server --port 0 --port-file FILE
"""

import argparse
import logging
import socket
from dataclasses import dataclass
from pathlib import Path

from local.aws.storage_faults import StorageFaults

REGION = "eu-central-1"
# moto takes any credentials; these are fixed so that no real ones are ever picked up.
ACCESS_KEY = "local"
SECRET_KEY = "local-only"


@dataclass(frozen=True)
class Landing:
    """Where files land.

    Attributes:
        endpoint_url: URL of the S3 API.
        bucket: Bucket name.
        prefix: Key prefix, ends with a slash.
    """

    endpoint_url: str
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """The landing prefix as Snowflake names it: s3://bucket/prefix/."""
        return f"s3://{self.bucket}/{self.prefix}"


def environment(endpoint_url: str) -> dict[str, str]:
    """Variables that lead every boto3 client to the local server, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # A developer's own profile or files must not leak in.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def make_bucket(landing: Landing) -> None:
    """Creates the landing bucket."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=landing.endpoint_url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )
    client.create_bucket(
        Bucket=landing.bucket,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    client.close()


def serve(port: int, port_file: Path) -> None:
    """Serves until the process is stopped.

    The socket listens and the port is written before moto is imported (half a second),
    so that the rest of the stack starts meanwhile; early requests wait in the queue.
    """
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    port = listener.getsockname()[1]
    port_file.write_text(str(port))

    # A line for each request would be most of what this process does.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)

    from werkzeug.serving import make_server

    from local.aws.serving import Dispatcher, KeepingHandler, name_objects_as_kms_does

    name_objects_as_kms_does()
    server = make_server(
        "127.0.0.1",
        port,
        StorageFaults(Dispatcher()),
        threaded=True,
        fd=listener.fileno(),
        request_handler=KeepingHandler,
    )
    server.serve_forever()


def main() -> None:
    """Command line of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, required=True)
    options = parser.parse_args()
    serve(options.port, options.port_file)


if __name__ == "__main__":
    main()
