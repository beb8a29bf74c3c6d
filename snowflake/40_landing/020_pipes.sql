-- What the procedures have to know when they create a pipe. Pipes that exist keep what
-- they were created with; docs/DEPLOYMENT.md says how to change the topic.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_pipe_settings
COPY GRANTS
COMMENT = 'Where pipes are created, and the SNS topic that announces new files'
AS
SELECT
    UPPER('<% database %>') AS database_name,
    '<% pipe_sns_topic_arn %>' AS topic_arn;
