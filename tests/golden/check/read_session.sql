SELECT
    CURRENT_ROLE() AS role,
    CURRENT_DATABASE() AS database_name,
    CURRENT_WAREHOUSE() AS warehouse;
