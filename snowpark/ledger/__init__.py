"""What CONTROL knows: leases, watermarks, runs, configuration."""
