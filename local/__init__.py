"""The stand-in for Aurora, AWS and Snowflake on one machine; never deployed."""
