SELECT database_name, topic_arn FROM control.sync_pipe_settings;
