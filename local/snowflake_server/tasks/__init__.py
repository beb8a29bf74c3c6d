"""Tasks and alerts: their graphs, schedules and runs."""
