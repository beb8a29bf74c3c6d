SELECT own_database, allowed_targets FROM control.sync_allowed_targets;
