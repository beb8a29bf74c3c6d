-- Where tables may be written. The deployment says it (--set targets=...), in a view that
-- SYNC_ADMIN owns: APPLY_CONFIG and each sync refuse every other place, whoever asks.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_allowed_targets
COPY GRANTS
COMMENT = 'Schemas that a configuration may name: DATABASE.SCHEMA,... in which * is anything'
AS
SELECT
    UPPER('<% database %>') AS own_database,
    UPPER('<% targets %>') AS allowed_targets;
