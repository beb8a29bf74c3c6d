"""The dashboard: a Streamlit app in Snowflake, owned by SYNC_OPERATOR."""
