-- The Streamlit app. It runs with the rights of the role that creates it, whoever looks at
-- it: SYNC_OPERATOR, which reads views and ledgers and calls procedures, and no more. Do not
-- grant it to SYNC_READER: its buttons would be the reader's.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

GRANT READ ON STAGE dashboard TO ROLE sync_operator;
GRANT CREATE STREAMLIT ON SCHEMA control TO ROLE sync_operator;

USE ROLE sync_operator;

-- OR REPLACE would drop the grants that others were given on the app (W2).
CREATE STREAMLIT IF NOT EXISTS sync_dashboard -- noqa: PRS
FROM '@<% database %>.control.dashboard/app'
MAIN_FILE = 'streamlit_app.py'
QUERY_WAREHOUSE = <% warehouse %>
COMMENT = 'What needs attention and what to do, with buttons; every table, schedules, history, cost';

ALTER STREAMLIT sync_dashboard SET -- noqa: PRS
MAIN_FILE = 'streamlit_app.py'
QUERY_WAREHOUSE = <% warehouse %>
TITLE = 'Aurora sync'
COMMENT = 'What needs attention and what to do, with buttons; every table, schedules, history, cost';

-- Without a live version nobody but the owner could open it. If there is one, Snowflake
-- says so, and the deployment goes on.
ALTER STREAMLIT sync_dashboard ADD LIVE VERSION FROM LAST;

-- FROM has copied the files once; this release's come into the live version.
COPY FILES INTO -- noqa: PRS
'snow://streamlit/<% database %>.CONTROL.SYNC_DASHBOARD/versions/live/'
FROM '@<% database %>.control.dashboard/app/';

USE ROLE sync_admin;
