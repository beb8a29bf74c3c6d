CALL control.pause_table(?, ?);
