-- The Streamlit app. It runs with the rights of the role that creates it, whoever looks at
-- it: SYNC_OPERATOR, which reads views and ledgers and calls procedures, and no more. Do not
-- grant it to SYNC_READER: its buttons would be the reader's.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

GRANT READ ON STAGE dashboard TO ROLE sync_operator;
GRANT CREATE STREAMLIT ON SCHEMA control TO ROLE sync_operator;

USE ROLE sync_operator;

CREATE OR REPLACE STREAMLIT sync_dashboard -- noqa: PRS
FROM '@<% database %>.control.dashboard/app'
MAIN_FILE = 'streamlit_app.py'
QUERY_WAREHOUSE = <% warehouse %>
TITLE = 'Aurora sync'
COMMENT = 'Freshness, history and failures of every table; buttons to sync, validate and pause';

-- Without a live version nobody but the owner could open it.
ALTER STREAMLIT sync_dashboard ADD LIVE VERSION FROM LAST;

USE ROLE sync_admin;
