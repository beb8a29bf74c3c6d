SELECT DISTINCT run_id FROM control.sync_leases WHERE run_id IS NOT NULL;
