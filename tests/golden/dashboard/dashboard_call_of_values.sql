CALL control.backfill_table('o', '2026', NULL);
