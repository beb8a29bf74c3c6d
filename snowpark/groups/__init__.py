"""Many tables as one: group runs and their task graphs."""
