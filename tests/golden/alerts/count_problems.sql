SELECT COUNT(*) FROM control.sync_problems;
