"""The external function's protocol: requests, replies, jobs."""
