CALL control.help();
